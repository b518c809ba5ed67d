/** What the house itself asks of the accounts' tables. */

import type { Connection } from '../../db/database.ts';

export interface SignedIn {
  userId: string;
  email: string;
  emailVerified: boolean;
  customerId: string | null;
  isAdmin: boolean;
}

/** Who holds a session that has not ended. */
export async function findSession(connection: Connection, hashes: string[], wall: Date): Promise<SignedIn | null> {
  const row = await connection
    .selectFrom('auth_sessions')
    .innerJoin('auth_users', 'auth_users.id', 'auth_sessions.user_id')
    .select(['auth_users.id', 'auth_users.email', 'auth_users.email_verified', 'auth_users.customer_id'])
    .select('auth_users.admin_since')
    .where('auth_sessions.token', 'in', hashes)
    .where('auth_sessions.expires_at', '>', wall)
    .executeTakeFirst();
  if (row === undefined) return null;
  return {
    userId: row.id,
    email: row.email,
    emailVerified: row.email_verified,
    customerId: row.customer_id,
    isAdmin: row.admin_since !== null,
  };
}

/** A user, locked until the transaction ends. */
export async function lockUser(
  connection: Connection,
  id: string,
): Promise<{ name: string; email: string; emailVerified: boolean; customerId: string | null } | null> {
  const row = await connection.selectFrom('auth_users').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
  if (row === undefined) return null;
  return { name: row.name, email: row.email, emailVerified: row.email_verified, customerId: row.customer_id };
}

export async function setCustomer(connection: Connection, userId: string, customerId: string): Promise<void> {
  await connection.updateTable('auth_users').set({ customer_id: customerId }).where('id', '=', userId).execute();
}

/** Forgets sessions and links that ended. */
export async function deleteEnded(connection: Connection, before: Date): Promise<void> {
  await connection.deleteFrom('auth_sessions').where('expires_at', '<', before).execute();
  await connection.deleteFrom('auth_verifications').where('expires_at', '<', before).execute();
}
