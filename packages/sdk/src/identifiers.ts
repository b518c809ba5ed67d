/** Ids that are made here: once for each thing, so that sending it again is seen as a repetition. */

import { toHex } from '@latchkey/core';

const RANDOM_BYTES = 12;

/** A new id: milliseconds first, so that ids made one after the other are near each other in an index, then 96 random bits. */
export function newId(prefix: string, now: number = Date.now()): string {
  const random = globalThis.crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  return `${prefix}_${Math.floor(now).toString(16).padStart(12, '0')}${toHex(random)}`;
}

/** Fresh text for a question whose answer is to be signed together with it. */
export function newNonce(): string {
  return toHex(globalThis.crypto.getRandomValues(new Uint8Array(16)));
}
