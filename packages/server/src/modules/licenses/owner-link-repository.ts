import type { Connection } from '../../db/database.ts';

/** A link that was mailed to the owner of an address. */
export interface OwnerLink {
  id: string;
  email: string;
  createdAt: Date;
  expiresAt: Date;
}

export async function insertLink(
  connection: Connection,
  { id, email, createdAt, expiresAt }: OwnerLink,
): Promise<void> {
  await connection
    .insertInto('owner_links')
    .values({ id, purpose: 'machine_release', email, created_at: createdAt, expires_at: expiresAt })
    .execute();
}

export async function findLink(connection: Connection, id: string): Promise<OwnerLink | null> {
  const row = await connection.selectFrom('owner_links').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return null;
  return { id: row.id, email: row.email, createdAt: row.created_at, expiresAt: row.expires_at };
}

/** Forgets links that ended before then; how many there were. */
export async function deleteLinks(connection: Connection, endedBefore: Date): Promise<number> {
  const result = await connection.deleteFrom('owner_links').where('expires_at', '<', endedBefore).executeTakeFirst();
  return Number(result.numDeletedRows);
}
