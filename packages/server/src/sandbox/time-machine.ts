import { addMs, dayMs, earliest, hourMs, LatchkeyError, minuteMs, secondMs } from '@latchkey/core';
import type { Clock } from '../ports.ts';
import type { SandboxControl } from './control.ts';

export interface TimeMachineOptions {
  control: SandboxControl;
  clock: Clock;
  /** Moves domain time, here and in every other process. */
  moveClock(target: Date): Promise<void>;
  /** When the clock alone next changes something on our side. */
  nextDueAt(): Promise<Date | null>;
  /** Carries out what is due on our side: inbox, monitor, outbox. Resolves when nothing is left. */
  settle(): Promise<void>;
}

export interface TimeSpan {
  days?: number | undefined;
  hours?: number | undefined;
  minutes?: number | undefined;
  seconds?: number | undefined;
}

export interface TimeMachine {
  advance(span: TimeSpan): Promise<{ now: Date; settled: true }>;
}

/** A step that finds itself due again and again would never end. */
const MOST_STEPS = 100_000;
const MOST_ROUNDS = 1_000;

/**
 * Moves domain time step by step: to the earliest thing due on either side, carry it out on both, and on to the next. One jump
 * would expire licences before the renewal that extends them was charged.
 */
export function createTimeMachine(options: TimeMachineOptions): TimeMachine {
  const { control, clock } = options;
  let moving = false;

  async function stepTo(instant: Date): Promise<void> {
    await control.moveTo(instant);
    await options.moveClock(instant);
    await settleBoth();
  }

  /** What Stripe delivers may make work for us, and our work may call Stripe, which delivers again. */
  async function settleBoth(): Promise<void> {
    for (let rounds = 0; rounds < MOST_ROUNDS; rounds += 1) {
      await control.settle();
      await options.settle();
      const { now, nextDueAt, pendingDeliveries } = await control.clock();
      if (pendingDeliveries === 0 && (nextDueAt === null || nextDueAt > now)) return;
    }
    throw new LatchkeyError('unavailable', 'Webhooks and jobs did not come to rest. See /health/ready and the inbox.');
  }

  return {
    async advance(span) {
      if (moving) throw new LatchkeyError('conflict', 'The clock is being moved already. Wait for that to end.');
      moving = true;
      try {
        await settleBoth();
        const target = addMs(clock.now(), spanMs(span));
        for (let steps = 0; steps < MOST_STEPS; steps += 1) {
          const stripe = await control.clock();
          const due = earliest(stripe.nextDueAt, await options.nextDueAt());
          if (due === null || due > target) {
            await stepTo(later(target, stripe.now));
            return { now: clock.now(), settled: true };
          }
          await stepTo(later(due, stripe.now));
        }
        throw new LatchkeyError('internal', `More than ${MOST_STEPS} steps did not get to ${target.toISOString()}.`);
      } finally {
        moving = false;
      }
    },
  };
}

/** The sandbox's clock goes on while we work; it cannot be set to what it has passed. */
function later(left: Date, right: Date): Date {
  return left > right ? left : addMs(right, 1);
}

function spanMs({ days = 0, hours = 0, minutes = 0, seconds = 0 }: TimeSpan): number {
  return days * dayMs + hours * hourMs + minutes * minuteMs + seconds * secondMs;
}
