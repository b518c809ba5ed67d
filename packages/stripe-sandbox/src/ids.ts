import { randomInt } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A random base-62 string, the material of Stripe's ids and secrets. */
export function randomText(length: number): string {
  let text = '';
  for (let position = 0; position < length; position += 1) text += ALPHABET[randomInt(ALPHABET.length)];
  return text;
}

/** `prefix` followed by random base-62 characters: 14 for the short ids (`cus_`, `prod_`), 24 for the rest. */
export function newId(prefix: string, length = 24): string {
  return prefix + randomText(length);
}
