/** The database as the rest of the server sees it: reads, transactions, notices. PGlite and PostgreSQL look alike from here. */

import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';

/** Where a read runs: the pool, or the transaction of a request or job. */
export type Connection = Kysely<Schema>;

/** On whose behalf a transaction acts; it ends up in the audit log. */
export interface Actor {
  type: 'admin' | 'api_key' | 'customer' | 'license_key' | 'anyone' | 'stripe' | 'system' | 'library';
  id: string | null;
}

/** One request's or one job's transaction. Services take it as their first argument and never commit it. */
export interface Transaction {
  readonly connection: Connection;
  readonly actor: Actor;
  readonly requestId: string | null;
  /** Runs once the transaction has committed, before `Database.transaction` resolves; never after a roll-back. Must not throw. */
  afterCommit(action: () => void): void;
  /** Sends a notice with the commit (PostgreSQL's NOTIFY): to listeners in this process and in every other. */
  notify(channel: Channel, payload: string): Promise<void>;
}

/** The notices in use: a licence's snapshot is stale; the domain clock was moved; there is work in a queue table; keys that sign changed. */
export type Channel = 'latchkey_license' | 'latchkey_clock' | 'latchkey_work' | 'latchkey_signing_keys';

export interface TransactionOptions {
  actor: Actor;
  requestId?: string | null;
}

export interface Database {
  readonly engine: 'pglite' | 'postgres';
  /** For reads outside a transaction. On PGlite there is one connection: never await this inside an open transaction. */
  readonly connection: Connection;
  transaction<T>(options: TransactionOptions, work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /**
   * Calls `handler` with every notice on `channel`. `onLost` is called when notices may have been missed (the connection
   * broke); from then until `onRestored`, the caller must not trust what it cached.
   */
  listen(
    channel: Channel,
    handler: (payload: string) => void,
    state?: { onLost(): void; onRestored(): void },
  ): Promise<() => Promise<void>>;
  close(): Promise<void>;
}
