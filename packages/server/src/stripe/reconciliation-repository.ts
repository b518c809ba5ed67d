import { sql } from 'kysely';
import type { Connection } from '../db/database.ts';
import type { ObjectKey } from './mirrored-types.ts';
import type { MirroredType } from './shapes.ts';

/** All SQL about comparisons with Stripe. */

/** Where what is here and what Stripe has are not the same. */
export interface Difference extends Omit<ObjectKey, 'type'> {
  /** Of the mirror, or use beyond a plan. */
  type: MirroredType | 'overage';
  /** `missing`: Stripe has it and we never heard of it. `differs`: we know another state. `gone`: Stripe has it no more. */
  problem: 'missing' | 'differs' | 'gone';
  /** The fields that differ, at the top of the object. */
  fields: string[];
  fixed: boolean;
}

export interface Reconciliation {
  id: string;
  mode: 'report' | 'fix';
  status: 'running' | 'done' | 'failed';
  checked: number;
  found: number;
  fixed: number;
  /** What is being compared now. */
  stage: string;
  /** The first of them; `found` counts all. */
  differences: Difference[];
  error: string | null;
  startedAt: Date;
  finishedAt: Date | null;
}

/** Begins one; false where one runs already. One whose process has not been heard of for so long is taken for failed. */
export async function begin(
  connection: Connection,
  { id, mode, stage, at, silentSince }: Pick<Reconciliation, 'id' | 'mode' | 'stage'> & { at: Date; silentSince: Date },
): Promise<boolean> {
  await connection
    .updateTable('reconciliations')
    .set({ status: 'failed', error: 'The process that ran it ended.', finished_at: at })
    .where('status', '=', 'running')
    .where('heartbeat_at', '<', silentSince)
    .execute();
  const row = await connection
    .insertInto('reconciliations')
    .values({ id, mode, status: 'running', stage, error: null, started_at: at, heartbeat_at: at, finished_at: null })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Writes how far it is; false when it is no longer ours to go on with. */
export async function progress(
  connection: Connection,
  run: Pick<Reconciliation, 'id' | 'checked' | 'found' | 'fixed' | 'stage' | 'differences'>,
  at: Date,
): Promise<boolean> {
  const { id, checked, found, fixed, stage, differences } = run;
  const result = await connection
    .updateTable('reconciliations')
    .set({ checked, found, fixed, stage, differences: JSON.stringify(differences), heartbeat_at: at })
    .where('id', '=', id)
    .where('status', '=', 'running')
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function finish(
  connection: Connection,
  id: string,
  { status, error, at }: { status: 'done' | 'failed'; error: string | null; at: Date },
): Promise<void> {
  await connection
    .updateTable('reconciliations')
    .set({ status, error, finished_at: at })
    .where('id', '=', id)
    .where('status', '=', 'running')
    .execute();
}

export async function find(connection: Connection, id: string): Promise<Reconciliation | null> {
  const row = await connection.selectFrom('reconciliations').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return null;
  const { mode, status, checked, found, fixed, stage, error } = row;
  return {
    id,
    mode,
    status,
    checked,
    found,
    fixed,
    stage,
    error,
    differences: row.differences as Difference[],
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

/** The last one that came to its end. */
export async function latest(connection: Connection): Promise<Reconciliation | null> {
  const row = await connection
    .selectFrom('reconciliations')
    .select('id')
    .where('status', '=', 'done')
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : find(connection, row.id);
}

/** A page of the ids of a type that are not known to be gone, in their order. */
export async function livingIds(
  connection: Connection,
  type: MirroredType,
  after: string,
  limit: number,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM stripe_objects WHERE type = ${type} AND NOT deleted AND id > ${after} ORDER BY id LIMIT ${limit}
  `.execute(connection);
  return rows.map(({ id }) => id);
}
