import { AsyncLocalStorage } from 'node:async_hooks';
import type { KyselyPlugin } from 'kysely';

interface Scope {
  open: boolean;
  database: symbol;
}

const scopes = new AsyncLocalStorage<Scope>();

/**
 * Finds the one mistake that hangs an embedded database for ever: awaiting a query of the pool inside an open transaction, which on
 * PGlite waits for the very connection that the transaction holds. It is refused on PostgreSQL too, where it only hurts under load, so
 * that tests on either engine find it.
 */
export interface TransactionGuard {
  /** Throws inside an open transaction of this database. */
  assertOutside(what: string): void;
  /** Runs the work of a transaction. */
  inside<T>(work: () => Promise<T>): Promise<T>;
  /** Makes the queries of a Kysely instance check first. */
  plugin: KyselyPlugin;
}

export function createTransactionGuard(): TransactionGuard {
  const database = Symbol('database');
  const assertOutside = (what: string): void => {
    const scope = scopes.getStore();
    if (scope?.open === true && scope.database === database) {
      throw new Error(
        `${what} inside an open transaction: it would wait for the connection that the transaction holds. ` +
          'Use the connection of the Transaction you were given, or do this after it has committed.',
      );
    }
  };
  return {
    assertOutside,
    inside(work) {
      const scope: Scope = { open: true, database };
      return scopes.run(scope, async () => {
        try {
          return await work();
        } finally {
          scope.open = false;
        }
      });
    },
    plugin: {
      transformQuery({ node }) {
        assertOutside('A query on Database.connection');
        return node;
      },
      transformResult: async ({ result }) => result,
    },
  };
}

/** Starts work that belongs to no transaction, such as a worker's round, from code that may be inside one. */
export function outsideTransactions<T>(work: () => T): T {
  return scopes.exit(work);
}
