import { sql } from 'kysely';
import type { Connection } from '../../db/database.ts';

/** An API key as it is kept: nobody can read the key itself again. */
export interface ApiKey {
  id: string;
  name: string;
  hint: string;
  scopes: string[];
  createdAt: Date;
  expiresAt: Date | null;
  revokedAt: Date | null;
  lastUsedAt: Date | null;
}

const columns = ['id', 'name', 'hint', 'scopes', 'created_at', 'expires_at', 'revoked_at', 'last_used_at'] as const;

interface Row {
  id: string;
  name: string;
  hint: string;
  scopes: string[];
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
}

export async function insertApiKey(connection: Connection, apiKey: ApiKey, hash: Uint8Array): Promise<void> {
  await connection
    .insertInto('api_keys')
    .values({
      id: apiKey.id,
      name: apiKey.name,
      hash,
      hint: apiKey.hint,
      scopes: apiKey.scopes,
      created_at: apiKey.createdAt,
      expires_at: apiKey.expiresAt,
      revoked_at: null,
      last_used_at: null,
    })
    .execute();
}

export async function findApiKeyByHash(connection: Connection, hashes: readonly Uint8Array[]): Promise<ApiKey | null> {
  const row = await connection.selectFrom('api_keys').select(columns).where('hash', 'in', hashes).executeTakeFirst();
  return row === undefined ? null : fromRow(row);
}

/** The newest first, older than `after`. */
export async function selectApiKeys(
  connection: Connection,
  after: { at: Date; id: string } | null,
  limit: number,
): Promise<ApiKey[]> {
  let query = connection.selectFrom('api_keys').select(columns);
  if (after !== null) query = query.where(sql<boolean>`(created_at, id) < (${after.at}, ${after.id})`);
  const rows = await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
  return rows.map(fromRow);
}

/** Revokes it unless it was already. Null when there is none. */
export async function revokeApiKey(
  connection: Connection,
  id: string,
  wall: Date,
): Promise<{ apiKey: ApiKey; changed: boolean } | null> {
  const held = await connection
    .selectFrom('api_keys')
    .select(columns)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (held === undefined) return null;
  if (held.revoked_at !== null) return { apiKey: fromRow(held), changed: false };
  await connection.updateTable('api_keys').set({ revoked_at: wall }).where('id', '=', id).execute();
  return { apiKey: fromRow({ ...held, revoked_at: wall }), changed: true };
}

export async function setLastUsed(connection: Connection, id: string, at: Date): Promise<void> {
  await connection.updateTable('api_keys').set({ last_used_at: at }).where('id', '=', id).execute();
}

function fromRow(row: Row): ApiKey {
  return {
    id: row.id,
    name: row.name,
    hint: row.hint,
    scopes: row.scopes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  };
}
