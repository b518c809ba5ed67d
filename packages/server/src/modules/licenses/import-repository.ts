/** The SQL of import and export: a row by itself inside a batch, what is there already, and what an export shows beside the licence. */

import { sql } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { SealedKey } from './repository.ts';

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

/** Which of these origins have a licence already. */
export async function takenOrigins(connection: Connection, origins: readonly string[]): Promise<Set<string>> {
  if (origins.length === 0) return new Set();
  const rows = await connection
    .selectFrom('licenses')
    .select('origin')
    .where('origin', 'in', [...origins])
    .execute();
  return new Set(rows.map((row) => row.origin));
}

/** Every machine a licence ever had, those that were released too. */
export async function fingerprintsEver(connection: Connection, licenseId: string): Promise<Set<string>> {
  const rows = await connection
    .selectFrom('activations')
    .select('fingerprint')
    .distinct()
    .where('license_id', '=', licenseId)
    .execute();
  return new Set(rows.map((row) => row.fingerprint));
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
