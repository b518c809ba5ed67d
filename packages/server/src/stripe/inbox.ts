import { LatchkeyError } from '@latchkey/core';
import type { Database, Transaction } from '../db/database.ts';
import { createWorker, type Worker } from '../jobs/worker.ts';
import type { Audit } from '../modules/audit/index.ts';
import type { Log } from '../observability/log.ts';
import type { Clock, CrashPoint, Ids } from '../ports.ts';
import { readDelivery } from './event.ts';
import type { ExplainNothing } from './inbox-batch.ts';
import { createIntake } from './inbox-intake.ts';
import {
  findEntry,
  type InboxEntry,
  type InboxFilter,
  type InboxLag,
  type InboxPosition,
  readLag,
  reopen,
  selectEntries,
} from './inbox-repository.ts';
import { createInboxStep } from './inbox-step.ts';
import type { EventProjector } from './project.ts';
import { verifySignature } from './signature.ts';

export {
  type InboxEntry,
  type InboxFilter,
  type InboxLag,
  type InboxPosition,
  type InboxStatus,
  releaseInboxClaims,
} from './inbox-repository.ts';

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
  /** Told what becomes of deliveries and of the events in hand. */
  counted?: CountEvents;
  /** Why nothing follows from an event that was understood: said in the inbox. */
  explain?: ExplainNothing;
  /** Rounds of the worker at the same time. */
  concurrency?: number;
}

/** Deliveries are `stored`, `duplicate` or `refused`; events in hand are `taken`, and of those some `failed` or were `given_up`. */
export type CountEvents = (
  outcome: 'stored' | 'duplicate' | 'refused' | 'taken' | 'failed' | 'given_up',
  count?: number,
) => void;

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

/** Rounds at the same time unless said: one may wait for Stripe while others go on. */
const defaultConcurrency = 4;

export function createInbox(options: InboxOptions): Inbox {
  const {
    database,
    clock,
    ids,
    projector,
    audit,
    log,
    webhookSecrets,
    crashPoint = () => {},
    counted = () => {},
    explain = () => null,
  } = options;
  const worker = createWorker({
    name: 'inbox',
    concurrency: options.concurrency ?? defaultConcurrency,
    step: createInboxStep({ database, clock, projector, log, crashPoint, counted, explain }),
    log,
    wall: () => clock.wall(),
  });
  const store = createIntake(database);
  const readOrTell = (rawBody: Uint8Array, path: string) => {
    try {
      return readDelivery(rawBody);
    } catch (error) {
      // The answer says little; why an endpoint's deliveries fail has to be found here.
      counted('refused');
      log.warn(
        { path, problem: error instanceof LatchkeyError ? error.detail : error },
        'a signed webhook was refused',
      );
      throw error;
    }
  };
  return {
    worker,
    async receive(rawBody, signatureHeader, path) {
      const wall = clock.wall();
      const problem = verifySignature({ rawBody, header: signatureHeader, secrets: webhookSecrets(), wall });
      if (problem !== null) {
        counted('refused');
        log.warn({ path, problem }, 'a webhook was refused');
        throw new LatchkeyError('invalid_signature', 'This was not signed by Stripe with our secret, or too long ago.');
      }
      crashPoint('webhook.verified');
      const event = readOrTell(rawBody, path);
      const isNew = await store({ ...event, id: ids.next('inb'), path, receivedAt: wall });
      crashPoint('webhook.stored');
      counted(isNew ? 'stored' : 'duplicate');
      if (!isNew) return 'duplicate';
      worker.wake();
      return 'stored';
    },
    list: (filter, after, limit) => selectEntries(database.connection, filter, after, limit),
    async get(id) {
      const entry = await findEntry(database.connection, id);
      if (entry === null) throw unknownEntry(id);
      return entry;
    },
    async replay(transaction, id) {
      const entry = await reopen(transaction.connection, id);
      if (entry === null) throw unknownEntry(id);
      const detail = { event: entry.eventId, type: entry.type };
      await audit.record(transaction, { action: 'inbox.replayed', subjectType: 'inbox', subjectId: entry.id, detail });
      transaction.afterCommit(() => worker.wake());
      return entry;
    },
    lag: () => readLag(database.connection, clock.wall()),
  };
}

function unknownEntry(id: string): LatchkeyError {
  return new LatchkeyError('resource_missing', `There is no event ${id.slice(0, 100)} in the inbox.`);
}
