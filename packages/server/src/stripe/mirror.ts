import { sql } from 'kysely';
import type { Connection } from '../db/database.ts';
import { customerOf, keyText, type ObjectKey, parentOf, paymentOf } from './mirrored-types.ts';
import type { ObjectState } from './projection-decision.ts';
import type { MirroredObjects, MirroredType, StripeInvoice, StripeObject, StripeSubscription } from './shapes.ts';

/** All SQL about `stripe_objects`: what Stripe last said of each object. */

/** A row of the mirror. */
export interface MirroredState extends ObjectState {
  /** Grows with every event that was weighed against the row, changed or not: a fetch sees by it whether it was alone. */
  readonly touchedAt: Date;
}

/** A row as it is to be. */
export interface MirrorWrite extends ObjectKey {
  readonly state: MirroredState;
}

/**
 * Makes this transaction the only one that projects these objects. Each is locked by its own name, by the payment it is about and by its
 * customer's, since what follows from a change reaches the customer's other rows. Customers come last, and all in one order, so that two
 * transactions never wait for each other.
 */
export async function lockObjects(
  connection: Connection,
  objects: readonly (ObjectKey & { object: StripeObject })[],
): Promise<void> {
  const names = new Set<string>();
  const customers = new Set<string>();
  const payments = new Set<string>();
  for (const { type, id, object } of objects) {
    if (type !== 'customer') names.add(`stripe:${keyText({ type, id })}`);
    const payment = paymentOf(type, object);
    if (payment !== null) names.add(`stripe:payment:${payment}`);
    const customer = customerOf({ type, id }, object);
    if (customer !== null) customers.add(customer);
    else if (payment !== null) payments.add(payment);
  }
  await lockNames(connection, names);
  // Only now: before, the charge that says whose payment it is could still have been on its way in.
  for (const customer of await customersOf(connection, payments)) customers.add(customer);
  await lockNames(connection, new Set([...customers].map((id) => `stripe:${keyText({ type: 'customer', id })}`)));
}

async function lockNames(connection: Connection, names: ReadonlySet<string>): Promise<void> {
  if (names.size === 0) return;
  await sql`
    SELECT pg_advisory_xact_lock(lock) FROM (
      SELECT DISTINCT hashtextextended(name, 0) AS lock FROM unnest(${[...names]}::text[]) AS name ORDER BY lock
    ) AS locks
  `.execute(connection);
}

/** Whose payments these are, as their charges say. */
async function customersOf(connection: Connection, payments: ReadonlySet<string>): Promise<string[]> {
  if (payments.size === 0) return [];
  const { rows } = await sql<{ customer: string }>`
    SELECT DISTINCT data ->> 'customer' AS customer FROM stripe_objects
    WHERE parent_id = ANY(${[...payments]}::text[]) AND type = 'charge' AND data ->> 'customer' IS NOT NULL
  `.execute(connection);
  return rows.map(({ customer }) => customer);
}

/** What is known of these objects, by `keyText`. */
export async function readStates(
  connection: Connection,
  keys: readonly ObjectKey[],
): Promise<Map<string, MirroredState>> {
  if (keys.length === 0) return new Map();
  const { rows } = await sql<{
    type: MirroredType;
    id: string;
    data: StripeObject;
    as_of: Date;
    deleted: boolean;
    updated_at: Date;
  }>`
    SELECT o.type, o.id, o.data, o.as_of, o.deleted, o.updated_at FROM stripe_objects o
    JOIN unnest(${keys.map(({ type }) => type)}::text[], ${keys.map(({ id }) => id)}::text[]) AS wanted (type, id)
      ON o.type = wanted.type AND o.id = wanted.id
  `.execute(connection);
  return new Map(
    rows.map((row) => [
      keyText(row),
      { object: row.data, asOf: row.as_of, deleted: row.deleted, touchedAt: row.updated_at },
    ]),
  );
}

export async function readState(connection: Connection, key: ObjectKey): Promise<MirroredState | null> {
  return (await readStates(connection, [key])).get(keyText(key)) ?? null;
}

export async function writeStates(connection: Connection, writes: readonly MirrorWrite[]): Promise<void> {
  if (writes.length === 0) return;
  const rows = writes.map(({ type, id, state }) => ({
    type,
    id,
    parent_id: parentOf(type, state.object),
    as_of: state.asOf,
    deleted: state.deleted,
    data: state.object,
    updated_at: state.touchedAt,
  }));
  await sql`
    INSERT INTO stripe_objects (type, id, parent_id, as_of, deleted, data, updated_at)
    SELECT type, id, parent_id, as_of, deleted, data, updated_at
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS rows (
      type text, id text, parent_id text, as_of timestamptz, deleted boolean, data jsonb, updated_at timestamptz
    )
    ON CONFLICT (type, id) DO UPDATE SET
      parent_id = excluded.parent_id, as_of = excluded.as_of, deleted = excluded.deleted, data = excluded.data,
      updated_at = excluded.updated_at
  `.execute(connection);
}

/** What other parts of the house ask of the mirror. */
export const mirror = {
  /** The last known state of an object, gone or not; null when it was never heard of. */
  async find<T extends MirroredType>(connection: Connection, type: T, id: string): Promise<MirroredObjects[T] | null> {
    const state = await readState(connection, { type, id });
    return state === null ? null : (state.object as unknown as MirroredObjects[T]);
  },

  subscription: (connection: Connection, id: string): Promise<StripeSubscription | null> =>
    mirror.find(connection, 'subscription', id),

  /** The invoices of a subscription, the oldest first, without drafts that were deleted. */
  async invoicesOf(connection: Connection, subscriptionId: string): Promise<StripeInvoice[]> {
    const rows = await connection
      .selectFrom('stripe_objects')
      .select('data')
      .where('parent_id', '=', subscriptionId)
      .where('type', '=', 'invoice')
      .where('deleted', '=', false)
      .execute();
    const invoices = rows.map(({ data }) => data as StripeInvoice);
    return invoices.sort((one, other) => one.created - other.created || (one.id < other.id ? -1 : 1));
  },
};
