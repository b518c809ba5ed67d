import type { IdPrefix, Ids, Randomness } from '../ports.ts';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const timeDigits = 10;
const randomDigits = 16;
const tailDigits = 4;
const tailRoom = 32 ** tailDigits;

/**
 * Identifiers of 26 characters of Crockford's base 32: ten of the wall clock in milliseconds, sixteen of chance (80 bits). Within one
 * millisecond the random part counts up, so ids of one process sort in the order they were made.
 */
export function createIds(wall: () => number, randomness: Randomness): Ids {
  let lastMs = -1;
  // Everything but the last four digits, which count.
  let head = '';
  let tail = 0;
  const restart = (now: number): void => {
    lastMs = now;
    head = encode(now, timeDigits);
    const bytes = randomness.bytes(randomDigits);
    for (let index = 0; index < randomDigits - tailDigits; index += 1)
      head += alphabet.charAt((bytes[index] ?? 0) & 31);
    // Half of the room is left for counting up.
    tail =
      (((bytes[12] ?? 0) & 15) << 15) |
      (((bytes[13] ?? 0) & 31) << 10) |
      (((bytes[14] ?? 0) & 31) << 5) |
      ((bytes[15] ?? 0) & 31);
  };
  return {
    next(prefix: IdPrefix): string {
      const now = wall();
      tail += 1;
      if (now > lastMs) restart(now);
      // Over half a million in a millisecond, or a clock that was set back for long: go on in the millisecond after the last.
      else if (tail >= tailRoom) restart(lastMs + 1);
      return `${prefix}_${head}${encode(tail, tailDigits)}`;
    },
  };
}

function encode(value: number, digits: number): string {
  let rest = value;
  let text = '';
  for (let position = 0; position < digits; position += 1) {
    text = alphabet.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** A short code for people and secrets: `length` characters of Crockford's base 32, five random bits each. */
export function randomCode(randomness: Randomness, length: number): string {
  let text = '';
  for (const byte of randomness.bytes(length)) text += alphabet[byte & 31];
  return text;
}
