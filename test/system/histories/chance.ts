/** Choices that look random and are the same for the same seed. */
export interface Chance {
  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number;
  one<T>(of: readonly T[]): T;
  /** True in so many cases of a hundred. */
  inHundred(cases: number): boolean;
}

export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  // mulberry32: small, and good enough for choosing.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return {
    below,
    one(of) {
      const chosen = of[below(of.length)];
      if (chosen === undefined) throw new Error('There is nothing to choose from.');
      return chosen;
    },
    inHundred: (cases) => below(100) < cases,
  };
}
