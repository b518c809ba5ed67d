/** The SQL of machines that ask to be let in. */

import type { MachineComponents } from '@latchkey/core';
import { type Selectable, sql } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { ReactivationRequestsTable } from '../../db/schema.ts';

export interface ReactivationRequest {
  id: string;
  licenseId: string;
  fingerprint: string;
  name: string | null;
  components: MachineComponents;
  status: 'pending' | 'approved' | 'denied';
  reason: string | null;
  createdAt: number;
  decidedAt: number | null;
  decidedBy: string | null;
}

export interface NewReactivationRequest {
  id: string;
  licenseId: string;
  fingerprint: string;
  name: string | null;
  components: MachineComponents;
  at: Date;
}

/** Writes a machine's wish down; the one it has pending already where there is one. */
export async function askForMachine(connection: Connection, wish: NewReactivationRequest): Promise<{ id: string }> {
  const written = await connection
    .insertInto('reactivation_requests')
    .values({
      id: wish.id,
      license_id: wish.licenseId,
      fingerprint: wish.fingerprint,
      name: wish.name,
      components: JSON.stringify(wish.components),
      status: 'pending',
      reason: null,
      created_at: wish.at,
      decided_at: null,
      decided_by: null,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['license_id', 'fingerprint'])
        .where('status', '=', 'pending')
        .doUpdateSet({ name: wish.name, components: JSON.stringify(wish.components) }),
    )
    .returning('id')
    .executeTakeFirstOrThrow();
  return written;
}

export async function findRequest(connection: Connection, id: string): Promise<ReactivationRequest | null> {
  const row = await connection.selectFrom('reactivation_requests').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : toRequest(row);
}

/** Writes the vendor's answer; false when there is one already. */
export async function decideRequest(
  connection: Connection,
  id: string,
  decision: { status: 'approved' | 'denied'; reason: string | null; by: string; at: Date },
): Promise<boolean> {
  const { status, reason, by, at } = decision;
  const result = await connection
    .updateTable('reactivation_requests')
    .set({ status, reason, decided_at: at, decided_by: by })
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export interface RequestFilter {
  status?: ReactivationRequest['status'] | undefined;
  licenseId?: string | undefined;
}

/** One page, newest first; `after` is the last request of the page before. */
export async function listRequests(
  connection: Connection,
  filter: RequestFilter,
  page: { limit: number; after: { at: Date; id: string } | null },
): Promise<ReactivationRequest[]> {
  let query = connection.selectFrom('reactivation_requests').selectAll();
  if (filter.status !== undefined) query = query.where('status', '=', filter.status);
  if (filter.licenseId !== undefined) query = query.where('license_id', '=', filter.licenseId);
  const { after } = page;
  if (after !== null) query = query.where(sql<boolean>`(created_at, id) < (${after.at}::timestamptz, ${after.id})`);
  const rows = await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(toRequest);
}

function toRequest(row: Selectable<ReactivationRequestsTable>): ReactivationRequest {
  return {
    id: row.id,
    licenseId: row.license_id,
    fingerprint: row.fingerprint,
    name: row.name,
    components: row.components,
    status: row.status,
    reason: row.reason,
    createdAt: row.created_at.getTime(),
    decidedAt: row.decided_at?.getTime() ?? null,
    decidedBy: row.decided_by,
  };
}
