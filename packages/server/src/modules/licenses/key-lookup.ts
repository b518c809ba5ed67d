import type { Connection } from '../../db/database.ts';
import type { LicenseRecord } from './record.ts';
import * as repository from './repository.ts';

/** Finds the licence stored under one of these key indexes. */
export type KeyLookup = (indexes: readonly Uint8Array[]) => Promise<LicenseRecord | null>;

/** Keys in one query: enough to share its cost, few enough to be answered in a few milliseconds. */
const MOST_KEYS = 64;
/** Queries at a time: one is being answered while the next is read. */
const MOST_QUERIES = 2;

interface Waiting {
  indexes: readonly Uint8Array[];
  resolve(license: LicenseRecord | null): void;
  reject(error: unknown): void;
}

/**
 * Looks keys up together: those that come while others are being looked up share the next query, which costs hardly more than one for a
 * single key. A query is always sent after its keys have come, so nobody is told what was true before they asked.
 */
export function createKeyLookup(connection: Connection): KeyLookup {
  const waiting: Waiting[] = [];
  let queries = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled || waiting.length === 0 || queries >= MOST_QUERIES) return;
    isScheduled = true;
    // At the end of this turn of the event loop, when all requests that have arrived were read.
    setImmediate(() => {
      isScheduled = false;
      const some = waiting.splice(0, MOST_KEYS);
      queries += 1;
      answer(some)
        .catch((error: unknown) => {
          for (const { reject } of some) reject(error);
        })
        .finally(() => {
          queries -= 1;
          schedule();
        });
      schedule();
    });
  }

  async function answer(some: readonly Waiting[]): Promise<void> {
    const found = await repository.findByKeyIndexes(
      connection,
      some.flatMap(({ indexes }) => indexes),
    );
    for (const { indexes, resolve } of some) {
      const name = indexes.map(repository.nameOfIndex).find((each) => found.has(each));
      resolve(name === undefined ? null : (found.get(name) ?? null));
    }
  }

  return (indexes) =>
    new Promise((resolve, reject) => {
      waiting.push({ indexes, resolve, reject });
      schedule();
    });
}
