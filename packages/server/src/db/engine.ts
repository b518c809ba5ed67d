import type { PGlite } from '@electric-sql/pglite';
import type { Kysely } from 'kysely';
import type { Channel, Database } from './database.ts';
import type { Schema } from './schema.ts';

/** What is beneath a database, for those few that need more than queries: migrations and the job queue. */
export type EngineHandle = { engine: 'postgres'; databaseUrl: string } | { engine: 'pglite'; pglite: PGlite };

/** Told when notices may have been missed, and when they arrive again. */
export interface ListenState {
  onLost(): void;
  onRestored(): void;
}

export type Listen = (
  channel: Channel,
  handler: (payload: string) => void,
  state?: ListenState,
) => Promise<() => Promise<void>>;

/** One of the two engines, opened. */
export interface Engine {
  handle: EngineHandle;
  kysely: Kysely<Schema>;
  listen: Listen;
  close(): Promise<void>;
}

/** A database with its engine in reach. */
export interface OpenedDatabase extends Database {
  readonly handle: EngineHandle;
  /** Throws when called inside an open transaction of this database, where waiting for `what` would never end. */
  assertOutsideTransaction(what: string): void;
}
