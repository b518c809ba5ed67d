import type { Clock } from '../clock/clock.ts';
import type { DeliveryStore } from '../store/deliveries.ts';
import type { Dispatcher } from './dispatcher.ts';

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [result[last], result[other]];
    if (a === undefined || b === undefined) continue;
    result[last] = b;
    result[other] = a;
  }
  return result;
}

/** Sends what was held back: in order, or in shuffle mode in an order that `seed` decides. Returns how many. */
export function releaseHeld(
  context: { clock: Clock; deliveries: DeliveryStore; dispatcher: Dispatcher },
  seed: number | undefined,
): number {
  const held = context.deliveries.held().map((delivery) => delivery.id);
  const shuffle = context.deliveries.mode() === 'shuffle' || seed !== undefined;
  const random = seed === undefined ? Math.random : seededRandom(seed);
  context.deliveries.release(shuffle ? shuffled(held, random) : held, context.clock.nowMs());
  context.dispatcher.kick();
  return held.length;
}
