import type { IdPrefix, Ids, Randomness } from '../ports.ts';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const timeDigits = 10;
const randomDigits = 16;

/**
 * Identifiers of 26 characters of Crockford's base 32: ten of the wall clock in milliseconds, sixteen of chance (80 bits). Within one
 * millisecond the random part counts up, so ids of one process sort in the order they were made.
 */
export function createIds(wall: () => number, randomness: Randomness): Ids {
  let lastMs = -1;
  let timePart = '';
  const digits = new Uint8Array(randomDigits);
  return {
    next(prefix: IdPrefix): string {
      const now = wall();
      if (now > lastMs) {
        lastMs = now;
        timePart = encodeTime(now);
        const bytes = randomness.bytes(randomDigits);
        for (let index = 0; index < randomDigits; index += 1) digits[index] = (bytes[index] ?? 0) & 31;
        // Room to count up: a first digit of 31 everywhere could overflow.
        digits[0] = (digits[0] ?? 0) & 15;
      } else {
        increment(digits);
      }
      let text = `${prefix}_${timePart}`;
      for (const digit of digits) text += alphabet[digit];
      return text;
    },
  };
}

function encodeTime(milliseconds: number): string {
  let rest = milliseconds;
  let text = '';
  for (let position = 0; position < timeDigits; position += 1) {
    text = alphabet.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function increment(digits: Uint8Array): void {
  for (let index = digits.length - 1; index >= 0; index -= 1) {
    const digit = digits[index] ?? 0;
    if (digit < 31) {
      digits[index] = digit + 1;
      return;
    }
    digits[index] = 0;
  }
}

/** A short code for people and secrets: `length` characters of Crockford's base 32, five random bits each. */
export function randomCode(randomness: Randomness, length: number): string {
  let text = '';
  for (const byte of randomness.bytes(length)) text += alphabet[byte & 31];
  return text;
}
