/** All SQL about customers. */

import { type Selectable, sql } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { CustomersTable } from '../../db/schema.ts';

export type CustomerRow = Selectable<CustomersTable>;

export interface CustomerFields {
  email?: string | null | undefined;
  name?: string | null | undefined;
  external_id?: string | undefined;
  stripe_customer_id?: string | undefined;
  metadata?: Record<string, string> | undefined;
  deleted_at?: Date | undefined;
}

/** How addresses are compared: without case and surrounding space. */
export function normalizeEmail(email: string): string {
  return email.trim().toLowerCase();
}

export async function findBy(
  connection: Connection,
  column: 'id' | 'stripe_customer_id' | 'external_id',
  value: string,
): Promise<CustomerRow | null> {
  const row = await connection.selectFrom('customers').selectAll().where(column, '=', value).executeTakeFirst();
  return row ?? null;
}

/** The oldest living customer with this address. */
export async function findByEmail(connection: Connection, email: string): Promise<CustomerRow | null> {
  const row = await connection
    .selectFrom('customers')
    .selectAll()
    .where('email_normalized', '=', normalizeEmail(email))
    .where('deleted_at', 'is', null)
    .orderBy('created_at')
    .orderBy('id')
    .executeTakeFirst();
  return row ?? null;
}

/** Stores a customer; null when Stripe's id or the external one is already somebody's. */
export async function insert(
  connection: Connection,
  id: string,
  fields: CustomerFields,
  now: Date,
): Promise<CustomerRow | null> {
  const row = await connection
    .insertInto('customers')
    .values({
      id,
      email: fields.email ?? null,
      email_normalized: fields.email == null ? null : normalizeEmail(fields.email),
      name: fields.name ?? null,
      external_id: fields.external_id ?? null,
      stripe_customer_id: fields.stripe_customer_id ?? null,
      metadata: JSON.stringify(fields.metadata ?? {}),
      created_at: now,
      updated_at: now,
      deleted_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  return row ?? null;
}

export async function update(
  connection: Connection,
  id: string,
  { metadata, email, ...fields }: CustomerFields,
  now: Date,
): Promise<CustomerRow> {
  return connection
    .updateTable('customers')
    .set((expression) => ({
      ...withoutUndefined(fields),
      ...(email === undefined ? {} : { email, email_normalized: email === null ? null : normalizeEmail(email) }),
      ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
      updated_at: now,
      version: expression('version', '+', 1),
    }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function list(
  connection: Connection,
  filter: { email?: string | undefined },
  page: { limit: number; after: { createdAt: Date; id: string } | null },
): Promise<CustomerRow[]> {
  let query = connection.selectFrom('customers').selectAll().where('deleted_at', 'is', null);
  if (filter.email !== undefined) query = query.where('email_normalized', '=', normalizeEmail(filter.email));
  const { after } = page;
  if (after !== null)
    query = query.where(sql<boolean>`(created_at, id) < (${after.createdAt}::timestamptz, ${after.id})`);
  return query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(page.limit).execute();
}

function withoutUndefined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
