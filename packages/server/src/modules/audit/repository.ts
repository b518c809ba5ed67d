import { sql } from 'kysely';
import type { Connection, Transaction } from '../../db/database.ts';

export interface AuditEntry {
  id: string;
  at: Date;
  actorType: string;
  actorId: string | null;
  action: string;
  subjectType: string;
  subjectId: string;
  detail: Record<string, unknown>;
  requestId: string | null;
}

export interface AuditFilter {
  subjectType?: string | undefined;
  subjectId?: string | undefined;
  action?: string | undefined;
}

/** The place of an entry in the list. */
export interface AuditPosition {
  at: Date;
  id: string;
}

export async function insertEntry(transaction: Transaction, entry: AuditEntry): Promise<void> {
  await transaction.connection
    .insertInto('audit_log')
    .values({
      id: entry.id,
      at: entry.at,
      actor_type: entry.actorType,
      actor_id: entry.actorId,
      action: entry.action,
      subject_type: entry.subjectType,
      subject_id: entry.subjectId,
      detail: JSON.stringify(entry.detail),
      request_id: entry.requestId,
    })
    .execute();
}

/** The newest entries first, older than `after`. */
export async function selectEntries(
  connection: Connection,
  { subjectType, subjectId, action }: AuditFilter,
  after: AuditPosition | null,
  limit: number,
): Promise<AuditEntry[]> {
  let query = connection.selectFrom('audit_log').selectAll();
  if (subjectType !== undefined) query = query.where('subject_type', '=', subjectType);
  if (subjectId !== undefined) query = query.where('subject_id', '=', subjectId);
  if (action !== undefined) query = query.where('action', '=', action);
  if (after !== null) query = query.where(sql<boolean>`(at, id) < (${after.at}, ${after.id})`);
  const rows = await query.orderBy('at', 'desc').orderBy('id', 'desc').limit(limit).execute();
  return rows.map((row) => ({
    id: row.id,
    at: row.at,
    actorType: row.actor_type,
    actorId: row.actor_id,
    action: row.action,
    subjectType: row.subject_type,
    subjectId: row.subject_id,
    detail: row.detail,
    requestId: row.request_id,
  }));
}
