import type { Clock } from '../clock/clock.ts';
import type { DeliveryStore } from '../store/deliveries.ts';
import type { Dispatcher } from './dispatcher.ts';
import { releaseHeld } from './release.ts';

const QUIET_MS = 1000;

/**
 * In shuffle mode deliveries are collected and sent in a random order: when flushed or settled, or by themselves once
 * nothing has happened for a second.
 */
export class Shuffler {
  readonly #context: { clock: Clock; deliveries: DeliveryStore; dispatcher: Dispatcher };
  #timer: NodeJS.Timeout | undefined;

  constructor(context: { clock: Clock; deliveries: DeliveryStore; dispatcher: Dispatcher }) {
    this.#context = context;
  }

  /** Events were made (or were left by the last run): waits for quiet again. */
  wait(): void {
    clearTimeout(this.#timer);
    if (this.#context.deliveries.mode() !== 'shuffle') return;
    this.#timer = setTimeout(() => {
      if (this.#context.deliveries.mode() === 'shuffle') releaseHeld(this.#context, undefined);
    }, QUIET_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
