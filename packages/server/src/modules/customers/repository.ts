/** All SQL about customers. */

import { type Selectable, sql } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { CustomersTable } from '../../db/schema.ts';

export type CustomerRow = Selectable<CustomersTable>;

export interface CustomerFields {
  email?: string | null | undefined;
  /** Nobody proved it: it is for show alone. */
  email_claimed?: boolean | undefined;
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

export async function findSeveral(connection: Connection, ids: readonly string[]): Promise<CustomerRow[]> {
  return connection
    .selectFrom('customers')
    .selectAll()
    .where(sql<boolean>`id = any(${[...ids]})`)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
}

/** The customer, whom nobody else changes until the transaction ends. */
export async function lock(connection: Connection, id: string): Promise<CustomerRow | null> {
  const row = await connection.selectFrom('customers').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
  return row ?? null;
}

/** The oldest living customer with this address, not counting those who only claim to have it. */
export async function findByEmail(connection: Connection, email: string): Promise<CustomerRow | null> {
  const row = await connection
    .selectFrom('customers')
    .selectAll()
    .where('email_normalized', '=', normalizeEmail(email))
    .where('email_claimed', '=', false)
    .where('deleted_at', 'is', null)
    .orderBy('created_at')
    .orderBy('id')
    .executeTakeFirst();
  return row ?? null;
}

/** Customers that one address makes one, at most. */
const MOST_LINKED = 100;

/** Living customers with this address whom the vendor knows by no id, the oldest first. */
export async function findUnclaimedByEmail(connection: Connection, email: string): Promise<CustomerRow[]> {
  return connection
    .selectFrom('customers')
    .selectAll()
    .where('email_normalized', '=', normalizeEmail(email))
    .where('email_claimed', '=', false)
    .where('external_id', 'is', null)
    .where('deleted_at', 'is', null)
    .orderBy('created_at')
    .orderBy('id')
    .limit(MOST_LINKED)
    .execute();
}

/** Whether anybody has this address, if only by claiming it. */
export async function hasEmail(connection: Connection, email: string): Promise<boolean> {
  const row = await connection
    .selectFrom('customers')
    .select('id')
    .where('email_normalized', '=', normalizeEmail(email))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** One at a time makes a customer of this id known, until the transaction ends. */
export async function lockExternalId(connection: Connection, externalId: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`customer:${externalId}`}, 0))`.execute(connection);
}

/** False when the vendor knows the customer by an id already. */
export async function giveExternalId(
  connection: Connection,
  id: string,
  externalId: string,
  now: Date,
): Promise<boolean> {
  const result = await connection
    .updateTable('customers')
    .set((expression) => ({ external_id: externalId, updated_at: now, version: expression('version', '+', 1) }))
    .where('id', '=', id)
    .where('external_id', 'is', null)
    .executeTakeFirst();
  return Number(result.numUpdatedRows) === 1;
}

/** Null when the customer has one already, or somebody else has this. */
export async function giveStripeId(
  connection: Connection,
  id: string,
  stripeCustomerId: string,
  now: Date,
): Promise<CustomerRow | null> {
  const row = await connection
    .updateTable('customers')
    .set((expression) => ({
      stripe_customer_id: stripeCustomerId,
      updated_at: now,
      version: expression('version', '+', 1),
    }))
    .where('id', '=', id)
    .where('stripe_customer_id', 'is', null)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('customers as other').select('other.id').where('other.stripe_customer_id', '=', stripeCustomerId),
        ),
      ),
    )
    .returningAll()
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
      email_claimed: fields.email_claimed ?? false,
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

export interface CustomerFilter {
  email?: string | undefined;
  externalId?: string | undefined;
  stripeCustomerId?: string | undefined;
}

export async function list(
  connection: Connection,
  filter: CustomerFilter,
  page: { limit: number; after: { createdAt: Date; id: string } | null },
): Promise<CustomerRow[]> {
  let query = connection.selectFrom('customers').selectAll().where('deleted_at', 'is', null);
  if (filter.email !== undefined) query = query.where('email_normalized', '=', normalizeEmail(filter.email));
  if (filter.externalId !== undefined) query = query.where('external_id', '=', filter.externalId);
  if (filter.stripeCustomerId !== undefined) query = query.where('stripe_customer_id', '=', filter.stripeCustomerId);
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
