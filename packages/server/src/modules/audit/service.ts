import type { Connection, Transaction } from '../../db/database.ts';
import type { Clock, Ids } from '../../ports.ts';
import { type AuditEntry, type AuditFilter, type AuditPosition, insertEntry, selectEntries } from './repository.ts';

export interface AuditRecord {
  /** What was done: `license.issued`, `api_key.revoked`. */
  action: string;
  subjectType: string;
  subjectId: string;
  /** What a reader of the log would ask. Never a license key, a secret or a card. */
  detail?: Record<string, unknown>;
}

/** Who did what to what, and when by the domain clock: written with the change itself, so neither is there without the other. */
export interface Audit {
  record(transaction: Transaction, record: AuditRecord): Promise<void>;
  /** The newest first, older than `after`. */
  list(connection: Connection, filter: AuditFilter, after: AuditPosition | null, limit: number): Promise<AuditEntry[]>;
}

export interface AuditOptions {
  ids: Ids;
  clock: Clock;
  /** Told of every entry once it has been committed: for the operation logs. */
  recorded?: (record: AuditRecord) => void;
}

export function createAudit({ ids, clock, recorded }: AuditOptions): Audit {
  return {
    async record(transaction, { action, subjectType, subjectId, detail = {} }) {
      await insertEntry(transaction, {
        id: ids.next('aud'),
        at: clock.now(),
        actorType: transaction.actor.type,
        actorId: transaction.actor.id,
        action,
        subjectType,
        subjectId,
        detail,
        requestId: transaction.requestId,
      });
      if (recorded !== undefined) transaction.afterCommit(() => recorded({ action, subjectType, subjectId, detail }));
    },
    list: selectEntries,
  };
}
