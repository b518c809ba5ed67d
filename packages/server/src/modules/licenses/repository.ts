/** All SQL about licences. */

import type { Catalog, Hold, HoldCause, LicenseOverrides, LicenseStatus } from '@latchkey/core';
import { type ExpressionBuilder, type Insertable, type Selectable, sql } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';
import type { Connection } from '../../db/database.ts';
import type { LicensesTable, Schema } from '../../db/schema.ts';
import type { Activation, LicenseRecord } from './record.ts';
import { MOST_MACHINES } from './seats-repository.ts';
import { statusExpression } from './status-repository.ts';

export type NewLicense = Insertable<LicensesTable>;

/** The sealed key of a licence. */
export interface SealedKey {
  ciphertext: Uint8Array;
  secretId: string;
}

/** What became of a licence that was to be stored: only one can have its origin, and only one its key. */
export type Insertion = 'inserted' | 'origin_taken' | 'key_taken';

/** Stores a licence, or says what it would have repeated. The transaction goes on either way. */
export async function insertLicense(connection: Connection, license: NewLicense): Promise<Insertion> {
  const inserted = await connection
    .insertInto('licenses')
    .values(license)
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  if (inserted !== undefined) return 'inserted';
  // The insert waited for whoever was first, so what it met is committed and seen from here on.
  const first = await connection
    .selectFrom('licenses')
    .select('id')
    .where('origin', '=', license.origin)
    .executeTakeFirst();
  return first === undefined ? 'key_taken' : 'origin_taken';
}

/** Waits until no other transaction that took the same name is open, and keeps the name until this one ends. */
export async function lockKeyName(connection: Connection, name: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`license-key:${name}`}, 0))`.execute(connection);
}

/** Which of these key indexes a licence is stored under. */
export async function takenKeyIndexes(
  connection: Connection,
  indexes: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const rows = await connection
    .selectFrom('licenses')
    .select('key_index')
    .where('key_index', 'in', [...indexes])
    .execute();
  return rows.map((row) => row.key_index);
}

// Milliseconds as a number, in rows and inside JSON alike.
const epochMs = (column: string) => sql<number>`floor(extract(epoch from ${sql.ref(column)}) * 1000)::float8`;

function selectRecords(connection: Connection) {
  return connection
    .selectFrom('licenses')
    .select((expression) => [
      'licenses.id',
      'licenses.origin',
      'licenses.product',
      'licenses.plan',
      'licenses.scheme',
      'licenses.key_hint',
      'licenses.customer_id',
      'licenses.subscription_id',
      'licenses.starts_at',
      'licenses.expires_at',
      'licenses.max_machines',
      'licenses.machines_used',
      'licenses.coverage',
      'licenses.overrides',
      'licenses.term_begins_with',
      'licenses.metadata',
      'licenses.revealed_at',
      'licenses.created_at',
      'licenses.updated_at',
      'licenses.version',
      holdsOf(expression),
      activationsOf(expression),
    ]);
}

function holdsOf(expression: ExpressionBuilder<Schema, 'licenses'>) {
  return jsonArrayFrom(
    expression
      .selectFrom('license_holds')
      .whereRef('license_holds.license_id', '=', 'licenses.id')
      .select([
        'license_holds.cause',
        'license_holds.effect',
        'license_holds.reason',
        epochMs('license_holds.effective_at').as('effectiveAt'),
      ])
      .orderBy('license_holds.cause'),
  ).as('holds');
}

function activationsOf(expression: ExpressionBuilder<Schema, 'licenses'>) {
  return jsonArrayFrom(
    expression
      .selectFrom('activations')
      .whereRef('activations.license_id', '=', 'licenses.id')
      .where('activations.released_at', 'is', null)
      .select([
        'activations.id',
        'activations.fingerprint',
        'activations.name',
        'activations.components',
        epochMs('activations.created_at').as('createdAt'),
      ])
      .orderBy('activations.created_at')
      .limit(MOST_MACHINES),
  ).as('activations');
}

type RecordRow = Omit<Selectable<LicensesTable>, 'key_ciphertext' | 'key_secret_id' | 'key_index'> & {
  holds: Hold[];
  activations: Activation[];
};

function toRecord(row: RecordRow): LicenseRecord {
  return {
    id: row.id,
    origin: row.origin,
    product: row.product,
    plan: row.plan,
    scheme: row.scheme,
    keyHint: row.key_hint,
    customerId: row.customer_id,
    subscriptionId: row.subscription_id,
    startsAt: row.starts_at.getTime(),
    expiresAt: row.expires_at?.getTime() ?? null,
    maxMachines: row.max_machines,
    machinesUsed: row.machines_used,
    coverage: row.coverage,
    overrides: row.overrides as LicenseOverrides,
    termBeginsWith: row.term_begins_with,
    metadata: row.metadata,
    revealedAt: row.revealed_at?.getTime() ?? null,
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
    version: row.version,
    holds: row.holds,
    activations: row.activations,
  };
}

export async function findById(connection: Connection, id: string): Promise<LicenseRecord | null> {
  const row = await selectRecords(connection).where('licenses.id', '=', id).executeTakeFirst();
  return row === undefined ? null : toRecord(row);
}

export async function findByOrigin(connection: Connection, origin: string): Promise<LicenseRecord | null> {
  const row = await selectRecords(connection).where('licenses.origin', '=', origin).executeTakeFirst();
  return row === undefined ? null : toRecord(row);
}

export async function findBySubscription(connection: Connection, subscriptionId: string): Promise<LicenseRecord[]> {
  const rows = await selectRecords(connection)
    .where('licenses.subscription_id', '=', subscriptionId)
    .orderBy('licenses.created_at')
    .limit(100)
    .execute();
  return rows.map(toRecord);
}

/** The licence stored under one of these key indexes (one for each live root secret). */
export async function findByKeyIndex(
  connection: Connection,
  indexes: readonly Uint8Array[],
): Promise<LicenseRecord | null> {
  const row = await selectRecords(connection)
    .where('licenses.key_index', 'in', [...indexes])
    .executeTakeFirst();
  return row === undefined ? null : toRecord(row);
}

/** The licences stored under any of these key indexes, by the name of their index. */
export async function findByKeyIndexes(
  connection: Connection,
  indexes: readonly Uint8Array[],
): Promise<Map<string, LicenseRecord>> {
  const rows = await selectRecords(connection)
    .select('licenses.key_index')
    .where('licenses.key_index', 'in', [...indexes])
    .execute();
  return new Map(rows.map((row) => [nameOfIndex(row.key_index), toRecord(row)]));
}

/** A key index as something that can be compared. */
export function nameOfIndex(index: Uint8Array): string {
  return Buffer.from(index.buffer, index.byteOffset, index.byteLength).toString('latin1');
}

/** Locks the licence's row until the transaction ends, so that what is read next stays true while it is acted upon. */
export async function lockLicense(connection: Connection, id: string): Promise<void> {
  await connection.selectFrom('licenses').select('id').where('id', '=', id).forUpdate().execute();
}

export async function readSealedKey(connection: Connection, id: string): Promise<SealedKey | null> {
  const row = await connection
    .selectFrom('licenses')
    .select(['key_ciphertext', 'key_secret_id'])
    .where('id', '=', id)
    .executeTakeFirst();
  return row === undefined ? null : { ciphertext: row.key_ciphertext, secretId: row.key_secret_id };
}

export interface LicenseChanges {
  plan?: string;
  starts_at?: Date;
  expires_at?: Date | null;
  max_machines?: number;
  overrides?: string;
  term_begins_with?: null;
  metadata?: string;
  coverage?: LicensesTable['coverage'];
  customer_id?: string | null;
  subscription_id?: string | null;
  revealed_at?: Date;
}

/** Writes changes to a locked licence and counts its version up. */
export async function updateLicense(
  connection: Connection,
  id: string,
  changes: LicenseChanges,
  now: Date,
): Promise<void> {
  await connection
    .updateTable('licenses')
    .set((expression) => ({ ...changes, updated_at: now, version: expression('version', '+', 1) }))
    .where('id', '=', id)
    .execute();
}

/** Marks the key as shown; true for the one caller who did it first. */
export async function markRevealed(connection: Connection, id: string, now: Date): Promise<boolean> {
  const result = await connection
    .updateTable('licenses')
    .set({ revealed_at: now })
    .where('id', '=', id)
    .where('revealed_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function putHold(connection: Connection, licenseId: string, hold: Hold): Promise<void> {
  const { cause, effect, reason } = hold;
  const values = { effect, reason, effective_at: new Date(hold.effectiveAt) };
  await connection
    .insertInto('license_holds')
    .values({ license_id: licenseId, cause, ...values })
    .onConflict((conflict) => conflict.columns(['license_id', 'cause']).doUpdateSet(values))
    .execute();
}

export async function removeHold(connection: Connection, licenseId: string, cause: HoldCause): Promise<void> {
  await connection.deleteFrom('license_holds').where('license_id', '=', licenseId).where('cause', '=', cause).execute();
}

export interface LicenseFilter {
  status?: LicenseStatus | undefined;
  product?: string | undefined;
  customerId?: string | readonly string[] | undefined;
  email?: string | undefined;
  subscriptionId?: string | undefined;
}

/** One page, newest first; `after` is the last licence of the page before. */
export async function listLicenses(
  connection: Connection,
  catalog: Catalog,
  filter: LicenseFilter,
  page: { limit: number; after: { createdAt: Date; id: string } | null },
  now: Date,
): Promise<LicenseRecord[]> {
  let query = selectRecords(connection);
  if (filter.product !== undefined) query = query.where('licenses.product', '=', filter.product);
  if (filter.customerId !== undefined) {
    const ids = [filter.customerId].flat();
    query = query.where(sql<boolean>`licenses.customer_id = any(${ids})`);
  }
  if (filter.subscriptionId !== undefined) query = query.where('licenses.subscription_id', '=', filter.subscriptionId);
  if (filter.email !== undefined) {
    const email = filter.email;
    query = query.where('licenses.customer_id', 'in', (expression) =>
      expression.selectFrom('customers').select('customers.id').where('customers.email_normalized', '=', email),
    );
  }
  if (filter.status !== undefined) query = query.where(statusExpression(catalog, now), '=', filter.status);
  const { after } = page;
  if (after !== null) {
    query = query.where(
      sql<boolean>`(licenses.created_at, licenses.id) < (${after.createdAt}::timestamptz, ${after.id})`,
    );
  }
  const rows = await query
    .orderBy('licenses.created_at', 'desc')
    .orderBy('licenses.id', 'desc')
    .limit(page.limit)
    .execute();
  return rows.map(toRecord);
}

/** How many licences have each status at `now`. */
export async function countByStatus(
  connection: Connection,
  catalog: Catalog,
  filter: Pick<LicenseFilter, 'product'>,
  now: Date,
): Promise<Map<LicenseStatus, number>> {
  let query = connection
    .selectFrom('licenses')
    .select([statusExpression(catalog, now).as('status'), sql<number>`count(*)::float8`.as('licenses')])
    .groupBy('status');
  if (filter.product !== undefined) query = query.where('licenses.product', '=', filter.product);
  const rows = await query.execute();
  return new Map(rows.map((row) => [row.status, row.licenses]));
}
