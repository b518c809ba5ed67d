/** SQL about the people of the vendor's who sign in. */

import type { Connection } from '../../db/database.ts';

export interface AdminRow {
  id: string;
  email: string;
  name: string;
  admin_since: Date;
}

/** Makes the user of an address an admin, known before or not; locked until the transaction ends. */
export async function upsertAdmin(
  connection: Connection,
  { id, email, name, wall }: { id: string; email: string; name: string | null; wall: Date },
): Promise<AdminRow & { isNew: boolean }> {
  const row = await connection
    .insertInto('auth_users')
    .values({
      id,
      email,
      name: name ?? '',
      email_verified: true,
      image: null,
      customer_id: null,
      admin_since: wall,
      created_at: wall,
      updated_at: wall,
    })
    .onConflict((conflict) =>
      conflict.column('email').doUpdateSet((expression) => ({
        email_verified: true,
        admin_since: expression.fn.coalesce('auth_users.admin_since', expression.val(wall)),
        updated_at: wall,
        ...(name === null ? {} : { name }),
      })),
    )
    .returning(['id', 'email', 'name', 'admin_since'])
    .executeTakeFirstOrThrow();
  return { ...row, admin_since: row.admin_since ?? wall, isNew: row.id === id };
}

/** The one password of a user, in place of whichever there was; nobody who was signed in with that one stays so. */
export async function replacePassword(
  connection: Connection,
  { id, userId, hash, wall }: { id: string; userId: string; hash: string; wall: Date },
): Promise<void> {
  await connection
    .deleteFrom('auth_accounts')
    .where('user_id', '=', userId)
    .where('provider_id', '=', 'credential')
    .execute();
  await connection
    .insertInto('auth_accounts')
    .values({
      id,
      user_id: userId,
      account_id: userId,
      provider_id: 'credential',
      password: hash,
      created_at: wall,
      updated_at: wall,
    })
    .execute();
  await endSessions(connection, userId);
}

export async function endSessions(connection: Connection, userId: string): Promise<void> {
  await connection.deleteFrom('auth_sessions').where('user_id', '=', userId).execute();
}

/** All of them, 100 at most. */
export async function listAdmins(connection: Connection): Promise<AdminRow[]> {
  const rows = await connection
    .selectFrom('auth_users')
    .select(['id', 'email', 'name', 'admin_since'])
    .where('admin_since', 'is not', null)
    .orderBy('admin_since')
    .orderBy('id')
    .limit(100)
    .execute();
  return rows.flatMap(({ admin_since, ...row }) => (admin_since === null ? [] : [{ ...row, admin_since }]));
}

/** Makes an admin an ordinary user again; null when there is no such admin. */
export async function demote(connection: Connection, id: string, wall: Date): Promise<{ email: string } | null> {
  const row = await connection
    .updateTable('auth_users')
    .set({ admin_since: null, updated_at: wall })
    .where('id', '=', id)
    .where('admin_since', 'is not', null)
    .returning('email')
    .executeTakeFirst();
  return row ?? null;
}
