import type { Database, Transaction } from '../db/database.ts';
import type { Worker } from '../jobs/worker.ts';
import type { Audit } from '../modules/audit/index.ts';
import type { Log } from '../observability/log.ts';
import type { Clock, CrashPoint, Ids } from '../ports.ts';
import type { EventProjector } from './project.ts';

export interface InboxOptions {
  database: Database;
  clock: Clock;
  ids: Ids;
  projector: EventProjector;
  audit: Audit;
  log: Log;
  /** The secrets under which a delivery may be signed; several while one is being replaced. */
  webhookSecrets: () => readonly string[];
  crashPoint?: CrashPoint;
  /** Rounds of the worker at the same time. */
  concurrency?: number;
}

/** What became of an event. */
export type InboxStatus = 'pending' | 'processed' | 'ignored' | 'failed';

/** An event as Stripe delivered it, and what became of it. */
export interface InboxEntry {
  id: string;
  eventId: string;
  type: string;
  apiVersion: string | null;
  /** The event's `created`. */
  stripeCreated: Date;
  /** Where it was delivered. */
  path: string;
  status: InboxStatus;
  /** Why it was ignored, or what went wrong the last time. */
  reason: string | null;
  attempts: number;
  nextAttemptAt: Date | null;
  receivedAt: Date;
  finishedAt: Date | null;
}

export interface InboxFilter {
  status?: InboxStatus | undefined;
  type?: string | undefined;
}

export interface InboxPosition {
  at: Date;
  id: string;
}

/** How many events wait, how many were given up, and how long the oldest has waited. */
export interface InboxLag {
  pending: number;
  failed: number;
  oldestSeconds: number;
}

/** Every webhook of Stripe's goes through here: verified, stored, answered, and only then worked on. */
export interface Inbox {
  /**
   * Verifies a delivery on its very bytes and stores it, committed when this resolves. Throws `invalid_signature`, or `invalid_request`
   * for a signed body that is no event. `path` says where it was delivered.
   */
  receive(rawBody: Uint8Array, signatureHeader: string | undefined, path: string): Promise<'stored' | 'duplicate'>;
  /** Works off what is stored; `app.ts` starts and stops it. */
  readonly worker: Worker;
  /** The newest first, older than `after`. */
  list(filter: InboxFilter, after: InboxPosition | null, limit: number): Promise<InboxEntry[]>;
  /** One event with its payload as delivered, by our id or Stripe's; `resource_missing` when there is none. */
  get(id: string): Promise<InboxEntry & { payload: unknown }>;
  /** Has an event worked on again, whatever became of it. Projecting it again changes nothing that is newer. */
  replay(transaction: Transaction, id: string): Promise<InboxEntry>;
  lag(): Promise<InboxLag>;
}
