import type { Dispatcher } from '../deliveries/dispatcher.ts';
import type { Engine } from '../engine.ts';
import type { DeliveryStore } from '../store/deliveries.ts';
import type { Clock } from './clock.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Lets due things happen by themselves as real time passes, and moves the clock through them when asked to. */
export class Scheduler {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #deliveries: DeliveryStore;
  readonly #dispatcher: Dispatcher;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #woken = false;

  constructor(engine: Engine, clock: Clock, deliveries: DeliveryStore, dispatcher: Dispatcher) {
    this.#engine = engine;
    this.#clock = clock;
    this.#deliveries = deliveries;
    this.#dispatcher = dispatcher;
  }

  /** The earliest of billing work and delivery retries. */
  nextDueMs(): number | null {
    const times = [this.#engine.nextDueMs(), this.#deliveries.nextDueMs(this.#clock.nowMs())];
    const known = times.filter((time) => time !== null);
    return known.length === 0 ? null : Math.min(...known);
  }

  /** Carries out what has fallen due by now and sets the timer for what comes next. */
  catchUp(): void {
    if (this.#closed) return;
    this.#engine.runDue(this.#clock.nowMs());
    this.#dispatcher.kick();
    this.arm();
  }

  /** Moves the clock forward to `ms`, carrying out everything due on the way at its own time. */
  moveTo(ms: number): void {
    this.#engine.runDue(ms);
    this.#clock.moveTo(ms);
    this.#dispatcher.kick();
    this.arm();
  }

  /** Something was committed: deliveries may be due at once, tasks may have moved. */
  committed(): void {
    if (this.#closed || this.#woken) return;
    // After the transactions of this turn, so that a jump of the clock does not send from its middle.
    this.#woken = true;
    setImmediate(() => {
      this.#woken = false;
      if (this.#closed) return;
      this.#dispatcher.kick();
      this.arm();
    });
  }

  arm(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const next = this.nextDueMs();
    if (next === null) return;
    const wait = Math.min(Math.max(0, next - this.#clock.nowMs()), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => this.catchUp(), wait);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
