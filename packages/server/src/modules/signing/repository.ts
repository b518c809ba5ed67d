import type { SigningKeyStatus } from '@latchkey/core';
import { sql } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { Sealed } from '../../security/vault.ts';

/** A signing key as it is stored. By the wall clock: a credential's life does not follow the sandbox's time machine. */
export interface SigningKey {
  id: string;
  publicKey: Uint8Array;
  status: SigningKeyStatus;
  createdAt: Date;
  /** When another took its place. */
  retiredAt: Date | null;
  revokedAt: Date | null;
}

const COLUMNS = ['id', 'public_key', 'status', 'created_at', 'retired_at', 'revoked_at'] as const;

/** Lets one transaction at a time change which key signs. */
export async function lockSigningKeys(connection: Connection): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended('signing-keys', 0))`.execute(connection);
}

/** Every key, the newest first. A vendor has a handful. */
export async function selectSigningKeys(connection: Connection): Promise<SigningKey[]> {
  const rows = await connection
    .selectFrom('signing_keys')
    .select(COLUMNS)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute();
  return rows.map((row) => ({
    id: row.id,
    publicKey: row.public_key,
    status: row.status,
    createdAt: row.created_at,
    retiredAt: row.retired_at,
    revokedAt: row.revoked_at,
  }));
}

/** The private half of the key that signs; null where there is none yet. */
export async function selectActiveSeed(connection: Connection): Promise<{ id: string; sealed: Sealed } | null> {
  const row = await connection
    .selectFrom('signing_keys')
    .select(['id', 'private_ciphertext', 'private_secret_id'])
    .where('status', '=', 'active')
    .executeTakeFirst();
  if (row === undefined) return null;
  return { id: row.id, sealed: { ciphertext: row.private_ciphertext, secretId: row.private_secret_id } };
}

export async function insertSigningKey(
  connection: Connection,
  { id, publicKey, sealed, at }: { id: string; publicKey: Uint8Array; sealed: Sealed; at: Date },
): Promise<void> {
  await connection
    .insertInto('signing_keys')
    .values({
      id,
      public_key: publicKey,
      private_ciphertext: sealed.ciphertext,
      private_secret_id: sealed.secretId,
      status: 'active',
      created_at: at,
      retired_at: null,
      revoked_at: null,
    })
    .execute();
}

export async function retireSigningKey(connection: Connection, id: string, at: Date): Promise<void> {
  await connection
    .updateTable('signing_keys')
    .set({ status: 'retired', retired_at: at })
    .where('id', '=', id)
    .execute();
}

export async function revokeSigningKey(connection: Connection, id: string, at: Date): Promise<void> {
  await connection
    .updateTable('signing_keys')
    .set({ status: 'revoked', revoked_at: at })
    .where('id', '=', id)
    .execute();
}
