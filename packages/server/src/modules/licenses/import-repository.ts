/** The SQL of import and export: a row by itself inside a batch, what is there already, and what an export shows beside the licence. */

import type { Catalog, LicenseStatus } from '@latchkey/core';
import { sql } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { SealedKey } from './repository.ts';
import { statusExpression } from './status-repository.ts';

/** Runs work so that, if it throws, what it wrote is gone and the transaction goes on as if it had not begun. */
export async function inSavepoint<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await sql`SAVEPOINT import_row`.execute(connection);
  try {
    const result = await work();
    await sql`RELEASE SAVEPOINT import_row`.execute(connection);
    return result;
  } catch (error) {
    await sql`ROLLBACK TO SAVEPOINT import_row`.execute(connection);
    await sql`RELEASE SAVEPOINT import_row`.execute(connection);
    throw error;
  }
}

/** A licence that is here already, with everything that a row is compared to. */
export interface KnownLicense {
  id: string;
  origin: string;
  /** In hexadecimal. */
  keyIndex: string;
  product: string;
  plan: string;
  status: LicenseStatus;
  startsAt: number;
  expiresAt: number | null;
  maxMachines: number;
  metadata: Record<string, string>;
  owner: Pick<LicenseOwner, 'email_normalized' | 'external_id' | 'stripe_customer_id'>;
  /** The fingerprints of every machine it ever had: one that was given back since is no difference. */
  machines: readonly string[];
}

/** The licences that are stored under any of these key indexes or origins: one query for a whole batch. */
export async function findKnown(
  connection: Connection,
  catalog: Catalog,
  sought: { indexes: readonly Uint8Array[]; origins: readonly string[] },
  now: Date,
): Promise<KnownLicense[]> {
  const { indexes, origins } = sought;
  const rows = await connection
    .selectFrom('licenses')
    .leftJoin('customers', 'customers.id', 'licenses.customer_id')
    .select([
      'licenses.id',
      'licenses.origin',
      'licenses.key_index',
      'licenses.product',
      'licenses.plan',
      'licenses.starts_at',
      'licenses.expires_at',
      'licenses.max_machines',
      'licenses.metadata',
      'customers.email_normalized',
      'customers.external_id',
      'customers.stripe_customer_id',
      statusExpression(catalog, now).as('status'),
      sql<string[]>`ARRAY(SELECT DISTINCT fingerprint FROM activations a WHERE a.license_id = licenses.id)`.as(
        'machines',
      ),
    ])
    .where((expression) =>
      expression.or([
        ...(indexes.length === 0 ? [] : [expression('licenses.key_index', 'in', [...indexes])]),
        ...(origins.length === 0 ? [] : [expression('licenses.origin', 'in', [...origins])]),
      ]),
    )
    .execute();
  return rows.map(({ email_normalized, external_id, stripe_customer_id, ...row }) => ({
    id: row.id,
    origin: row.origin,
    keyIndex: hexadecimal(row.key_index),
    product: row.product,
    plan: row.plan,
    status: row.status,
    startsAt: row.starts_at.getTime(),
    expiresAt: row.expires_at?.getTime() ?? null,
    maxMachines: row.max_machines,
    metadata: row.metadata,
    owner: { email_normalized, external_id, stripe_customer_id },
    machines: row.machines,
  }));
}

export function hexadecimal(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

export interface LicenseOwner {
  id: string;
  email: string | null;
  email_normalized: string | null;
  name: string | null;
  external_id: string | null;
  stripe_customer_id: string | null;
}

/** The customers with these ids. */
export async function ownersOf(
  connection: Connection,
  customerIds: readonly string[],
): Promise<Map<string, LicenseOwner>> {
  if (customerIds.length === 0) return new Map();
  const rows = await connection
    .selectFrom('customers')
    .select(['id', 'email', 'email_normalized', 'name', 'external_id', 'stripe_customer_id'])
    .where('id', 'in', [...customerIds])
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** The sealed keys of these licences. */
export async function sealedKeysOf(
  connection: Connection,
  licenseIds: readonly string[],
): Promise<Map<string, SealedKey>> {
  if (licenseIds.length === 0) return new Map();
  const rows = await connection
    .selectFrom('licenses')
    .select(['id', 'key_ciphertext', 'key_secret_id'])
    .where('id', 'in', [...licenseIds])
    .execute();
  return new Map(rows.map((row) => [row.id, { ciphertext: row.key_ciphertext, secretId: row.key_secret_id }]));
}

/** The imported licence that says it is of this subscription of Stripe's, and follows none yet; null when there is none. */
export async function findImported(connection: Connection, subscription: string): Promise<string | null> {
  const row = await connection
    .selectFrom('licenses')
    .select('id')
    .where(sql`licenses.metadata ->> 'stripe_subscription_id'`, '=', subscription)
    .where('subscription_id', 'is', null)
    .where('origin', 'like', 'import:%')
    .orderBy('created_at')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  return row?.id ?? null;
}
