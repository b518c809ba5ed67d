import type { Connection } from '../db/database.ts';
import type { Sealed } from '../security/vault.ts';

export interface StoredClaim {
  requestHash: Uint8Array;
  /** null while in flight; 0 once something was committed; then the answer's status. */
  status: number | null;
  answer: Sealed | null;
  leaseUntil: Date;
}

interface ClaimKey {
  principal: string;
  key: string;
}

/** Takes the key if nobody has it. False when somebody has. */
export async function insertClaim(
  connection: Connection,
  { principal, key }: ClaimKey,
  requestHash: Uint8Array,
  leaseUntil: Date,
  wall: Date,
): Promise<boolean> {
  const row = await connection
    .insertInto('idempotency_keys')
    .values({
      principal,
      key,
      request_hash: requestHash,
      status: null,
      answer_ciphertext: null,
      answer_secret_id: null,
      lease_until: leaseUntil,
      created_at: wall,
    })
    .onConflict((conflict) => conflict.columns(['principal', 'key']).doNothing())
    .returning('key')
    .executeTakeFirst();
  return row !== undefined;
}

/** The claim, locked until the transaction ends; null when it has gone in the meantime. */
export async function lockClaim(connection: Connection, { principal, key }: ClaimKey): Promise<StoredClaim | null> {
  const row = await connection
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('principal', '=', principal)
    .where('key', '=', key)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) return null;
  const { answer_ciphertext: ciphertext, answer_secret_id: secretId } = row;
  return {
    requestHash: row.request_hash,
    status: row.status,
    answer: ciphertext === null || secretId === null ? null : { ciphertext, secretId },
    leaseUntil: row.lease_until,
  };
}

export async function extendLease(
  connection: Connection,
  { principal, key }: ClaimKey,
  leaseUntil: Date,
): Promise<void> {
  await connection
    .updateTable('idempotency_keys')
    .set({ lease_until: leaseUntil })
    .where('principal', '=', principal)
    .where('key', '=', key)
    .execute();
}

/** Notes that something was committed under the key, in that very transaction. */
export async function markCommitted(connection: Connection, { principal, key }: ClaimKey): Promise<void> {
  await connection
    .updateTable('idempotency_keys')
    .set({ status: 0 })
    .where('principal', '=', principal)
    .where('key', '=', key)
    .where('status', 'is', null)
    .execute();
}

export async function storeAnswer(
  connection: Connection,
  { principal, key }: ClaimKey,
  status: number,
  { ciphertext, secretId }: Sealed,
): Promise<void> {
  await connection
    .updateTable('idempotency_keys')
    .set({ status, answer_ciphertext: ciphertext, answer_secret_id: secretId })
    .where('principal', '=', principal)
    .where('key', '=', key)
    .execute();
}

export async function deleteClaim(connection: Connection, { principal, key }: ClaimKey): Promise<void> {
  await connection.deleteFrom('idempotency_keys').where('principal', '=', principal).where('key', '=', key).execute();
}

export async function deleteClaimsBefore(connection: Connection, before: Date): Promise<number> {
  const { numDeletedRows } = await connection
    .deleteFrom('idempotency_keys')
    .where('created_at', '<', before)
    .executeTakeFirst();
  return Number(numDeletedRows);
}
