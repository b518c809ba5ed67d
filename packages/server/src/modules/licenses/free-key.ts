import { type KeyMaterial, LatchkeyError, type Product, secondMs } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { Randomness } from '../../ports.ts';
import type { KeyKeeper } from './keys.ts';
import * as repository from './repository.ts';

const SALT_BYTES = 32;
/** Seconds looked at first. Each further look is at twice as many, so that neither one sale nor a thousand at once is slow. */
const FIRST_LOOK = 4;
/** How far ahead of its sale a key may be dated, a little over two hours, before it is given up: somebody issues in a loop. */
const MOST_SECONDS = FIRST_LOOK * (2 ** 11 - 1);

/** What a key is made from, but for the salt, which every try gets anew. */
export type KeyOrder = Omit<KeyMaterial, 'salt'>;

/**
 * Makes keys that no licence has. Where fresh salt makes a key, it is free but for odds that the unique index takes care of.
 * Where only customer, plan and second do, those who want the same one wait for each other, and each gets the first second
 * from now on that is free: its key recomputes from the second that stands in it.
 */
export function createFreeKeys({ keys, randomness }: { keys: KeyKeeper; randomness: Randomness }) {
  return function freeKey(transaction: Transaction, product: Product, order: KeyOrder): string | Promise<string> {
    const salt = randomness.bytes(SALT_BYTES);
    if (keys.variesBy(product) === 'salt') return keys.generate(product, { ...order, salt });
    return freeSecond(transaction, product, { ...order, salt });
  };

  async function freeSecond(transaction: Transaction, product: Product, material: KeyMaterial): Promise<string> {
    await repository.lockKeyName(transaction.connection, `${product.id}:${material.plan}:${material.customer}`);
    for (let from = 0, width = FIRST_LOOK; from < MOST_SECONDS; from += width, width *= 2) {
      const key = await firstFree(transaction, product, material, { from, width });
      if (key !== null) return key;
    }
    throw new LatchkeyError(
      'conflict',
      `The next ${MOST_SECONDS} seconds all have a key of this customer and plan. Try again later, or name another customer.`,
    );
  }

  async function firstFree(
    transaction: Transaction,
    product: Product,
    material: KeyMaterial,
    { from, width }: { from: number; width: number },
  ): Promise<string | null> {
    const candidates = Array.from({ length: width }, (_, second) => {
      const key = keys.generate(product, { ...material, issuedAt: material.issuedAt + (from + second) * secondMs });
      return { key, indexes: keys.indexes(key) };
    });
    const indexes = candidates.flatMap((candidate) => candidate.indexes);
    const taken = new Set((await repository.takenKeyIndexes(transaction.connection, indexes)).map(hexadecimal));
    const free = candidates.find((candidate) => !candidate.indexes.some((index) => taken.has(hexadecimal(index))));
    return free?.key ?? null;
  }
}

function hexadecimal(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
