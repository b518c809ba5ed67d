/** All SQL about use, but for its roll-ups. */

import { hash } from 'node:crypto';
import type {
  AllowanceOverride,
  CountedEvent,
  UsageChanges,
  UsageDetails,
  UsageEvent,
  UsageLimit,
  UsageOverage,
  UsageReservation,
  UsageWindow,
} from '@latchkey/core';
import { type Selectable, sql } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { UsageEventsTable } from '../../db/schema.ts';
import { columnsOf } from './event-columns.ts';

/** What is known of accounts, apart from their balances. */
export interface StoredUsage {
  readonly windows: ReadonlyMap<string, UsageWindow[]>;
  readonly overages: ReadonlyMap<string, UsageOverage[]>;
  readonly overrides: ReadonlyMap<string, AllowanceOverride>;
  readonly beyond: ReadonlyMap<string, Map<number, number>>;
  readonly reservations: ReadonlyMap<string, UsageReservation>;
  /** By the digests that were asked for. */
  readonly counted: ReadonlyMap<string, CountedEvent>;
}

interface UsageWanted {
  readonly accounts: readonly string[];
  /** Digests of events. */
  readonly digests?: readonly string[];
  readonly reservations?: readonly string[];
  /** Windows that ended before are left out. */
  readonly since: Date;
  readonly now: Date;
}

/** What an event's key is stored as. */
export function digestOf(key: string): string {
  return hash('sha256', key, 'hex').slice(0, 32);
}

type WindowJson = [
  ...[account: string, startsAt: number, endsAt: number, subscription: string | null, plan: string | null],
  ...[limit: UsageLimit, included: number, ceiling: number | null, events: number, recorded: number],
  ...[covered: number, overage: number, uncovered: number, lapsed: number, lastAt: number | null, warned: number],
];
type OverageJson = [
  ...[account: string, windowStart: number, rate: string, windowEnd: number, subscription: string | null],
  ...[plan: string, amountCents: number, perUnits: number, currency: string, units: number],
];
type ReservationJson = [
  ...[id: string, account: string, windowStart: number, quantity: number, held: number, overage: number],
  ...[uncovered: number, rate: string | null, status: UsageReservation['status'], eventId: string | null],
  ...[used: number | null, createdAt: number, expiresAt: number],
];

interface ReadJson {
  windows: WindowJson[] | null;
  overages: OverageJson[] | null;
  events: [digest: string, at: number, quantity: number, reversed: number][] | null;
  allowances:
    | [account: string, included: number | null, limit: AllowanceOverride['limit'], ceiling: number | null][]
    | null;
  reservations: ReservationJson[] | null;
  beyond: [account: string, windowStart: number, beyond: number][] | null;
}

/** Lets everything that is read in a transaction be of one moment. Before anything else in it. */
export async function readOneMoment(connection: Connection): Promise<void> {
  await sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY`.execute(connection);
}

/** What is stored of accounts. For decisions, their rows of the ledger must be locked. */
export async function readUsage(connection: Connection, wanted: UsageWanted): Promise<StoredUsage> {
  const { accounts, digests = [], reservations = [], since, now } = wanted;
  const { rows } = await sql<{ read: ReadJson }>`
    SELECT usage_read(${accounts}::text[], ${`{${digests.join(',')}}`}::uuid[], ${reservations}::text[], ${since}::timestamptz, ${now}::timestamptz)
      AS read`.execute(connection);
  const read = rows[0]?.read;
  const beyond = new Map<string, Map<number, number>>();
  for (const [account, start, amount] of read?.beyond ?? [])
    ofAccount(beyond, account, () => new Map()).set(start, amount);
  return {
    windows: byAccount((read?.windows ?? []).map(windowOf)),
    overages: byAccount((read?.overages ?? []).map(overageOf)),
    overrides: new Map(
      (read?.allowances ?? []).map(([account, included, limit, ceiling]) => [account, { included, limit, ceiling }]),
    ),
    beyond,
    reservations: new Map((read?.reservations ?? []).map((json) => [json[0], reservationOf(json)])),
    counted: new Map(
      (read?.events ?? []).map(([digest, at, quantity, reversed]) => [
        digest.replaceAll('-', ''),
        { at, quantity, reversed },
      ]),
    ),
  };
}

/** What ran out of the included lots of periods that are over, by account, the period's name and the lot. */
export async function readLapsed(
  connection: Connection,
  accounts: readonly string[],
  periods: readonly string[],
): Promise<{ account_id: string; id: string; period: string | null; expired: number }[]> {
  return connection
    .selectFrom('ledger_lots')
    .select(['account_id', 'id', 'period', 'expired'])
    .where('account_id', 'in', accounts)
    .where('source', '=', 'included')
    .where('period', 'in', periods)
    .execute();
}

/** Everything that a batch came to, in one call. `digests` are those of the events' keys. */
export async function writeUsage(
  connection: Connection,
  { events, aliases, reversed, windows, overages, reservations }: UsageChanges,
  { digests, now }: { digests: readonly string[]; now: Date },
): Promise<void> {
  const known = aliases.map(({ key, at, quantity }) => ({
    key: digestOf(key),
    received_at: now,
    at: iso(at),
    quantity,
  }));
  const taken = [...reversed].map(([key, amount]) => ({ key: digestOf(key), amount }));
  const rest = sql`usage_write('[]'::json, ${JSON.stringify(known)}::json, ${JSON.stringify(taken)}::json, ${JSON.stringify(windows.map((window) => windowRow(window, now)))}::json,
    ${JSON.stringify(overages.map((one) => overageRow(one, now)))}::json,
    ${JSON.stringify(reservations.map(reservationRow))}::json)`;
  if (events.length === 0) {
    await sql`SELECT ${rest}`.execute(connection);
    return;
  }
  const columns = columnsOf(events);
  await sql`SELECT ${rest}, usage_write_events(${columns.accounts}::text[], ${now.getTime()}::bigint,
    ${columns.account}::integer[], ${`{${digests.join(',')}}`}::uuid[], ${columns.ids}::text[], ${columns.happened}::bigint[],
    ${columns.quantities}::bigint[], ${columns.covereds}::bigint[], ${columns.overages}::bigint[],
    ${columns.uncovereds}::bigint[], ${columns.lapseds}::bigint[], ${columns.rates}::text[], ${columns.operations}::text[],
    ${columns.reverseds}::text[], ${columns.methods}::text[], ${columns.routes}::text[], ${columns.durations}::integer[],
    ${columns.statuses}::integer[], ${columns.details}::text[])`.execute(connection);
}

/** Makes the tables of the months that these instants are in. */
export async function makeMonths(connection: Connection, instants: readonly Date[]): Promise<void> {
  for (const instant of instants) await sql`SELECT usage_make_month(${instant}::timestamptz)`.execute(connection);
}

/** Forgets ids of events that arrived in months before this one. Resolves to how many months there were. */
export async function dropIdsBefore(connection: Connection, month: Date): Promise<number> {
  const first = `ids_${month.toISOString().slice(0, 7).replace('-', '_')}`;
  const { rows } = await sql<{ name: string }>`
    SELECT relname AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'usage_months' AND relkind = 'r' AND relname LIKE 'ids\_%' AND relname < ${first}`.execute(
    connection,
  );
  // Dropping a month waits for those who read the others: not for long, for the next night will do.
  await sql`SET LOCAL lock_timeout = '5s'`.execute(connection);
  for (const { name } of rows) await sql`DROP TABLE ${sql.table(`usage_months.${name}`)}`.execute(connection);
  return rows.length;
}

/** A reservation as it was made; null when there is none. */
export async function findReservation(connection: Connection, id: string): Promise<UsageReservation | null> {
  const row = await connection.selectFrom('usage_reservations').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return null;
  return {
    id,
    account: row.account_id,
    windowStart: row.window_start.getTime(),
    quantity: row.quantity,
    held: row.held,
    covered: row.quantity - row.overage - row.uncovered,
    overage: row.overage,
    uncovered: row.uncovered,
    rate: row.rate,
    status: row.status,
    eventId: row.event_id,
    used: row.used,
    createdAt: row.created_at.getTime(),
    expiresAt: row.expires_at.getTime(),
  };
}

/** An event of an account, by its id; null when there is none that is still known. */
export async function findEvent(
  connection: Connection,
  account: string,
  id: string,
  digest: string,
): Promise<UsageEvent | null> {
  const known = await connection
    .selectFrom('usage_event_ids')
    .select('at')
    .where('key', '=', digest)
    .executeTakeFirst();
  if (known === undefined) return null;
  const row = await connection
    .selectFrom('usage_events')
    .selectAll()
    .where('account_id', '=', account)
    .where('at', '=', known.at)
    .where('id', '=', id)
    .executeTakeFirst();
  return row === undefined ? null : eventOf(row);
}

/** What an owner is allowed in the place of their plan's. */
export async function writeAllowance(
  connection: Connection,
  account: string,
  { included, limit, ceiling }: AllowanceOverride,
  now: Date,
): Promise<void> {
  const values = { included, limit_kind: limit, ceiling, updated_at: now };
  await connection
    .insertInto('usage_allowances')
    .values({ account_id: account, ...values })
    .onConflict((conflict) => conflict.column('account_id').doUpdateSet(values))
    .execute();
}

export async function deleteAllowance(connection: Connection, account: string): Promise<void> {
  await connection.deleteFrom('usage_allowances').where('account_id', '=', account).execute();
}

function windowOf(json: WindowJson): UsageWindow {
  const [account, startsAt, endsAt, subscription, plan, limit, included, ceiling, events, recorded, ...rest] = json;
  const [covered, overage, uncovered, lapsed, lastAt, warned] = rest;
  const terms = { subscription, plan, limit, included, ceiling };
  const figures = { events, recorded, covered, overage, uncovered, lapsed };
  return { account, startsAt, endsAt, ...terms, ...figures, lastAt, warned, createdAt: startsAt };
}

function overageOf(json: OverageJson): UsageOverage {
  const [account, windowStart, rate, windowEnd, subscription, plan, amountCents, perUnits, currency, units] = json;
  const price = { amountCents, perUnits, currency };
  return { account, windowStart, rate, windowEnd, subscription, plan, price, units };
}

function reservationOf(json: ReservationJson): UsageReservation {
  const [id, account, windowStart, quantity, held, overage, uncovered, rate, status, eventId, ...rest] = json;
  const [used, createdAt, expiresAt] = rest;
  const covered = quantity - overage - uncovered;
  const parts = { held, covered, overage, uncovered };
  return { id, account, windowStart, quantity, ...parts, rate, status, eventId, used, createdAt, expiresAt };
}

function eventOf(row: Selectable<UsageEventsTable>): UsageEvent {
  const { method, route, duration_ms: durationMs, status, properties } = row;
  return {
    ...{ id: row.id, account: row.account_id, at: row.at.getTime(), receivedAt: row.received_at.getTime() },
    ...{ quantity: row.quantity, covered: row.covered, overage: row.overage, uncovered: row.uncovered },
    ...{ lapsed: row.lapsed ?? 0, rate: row.rate, operation: row.operation, reverses: row.reverses },
    details: { method, route, durationMs, status, properties } satisfies UsageDetails,
  };
}

function windowRow(window: UsageWindow, now: Date): object {
  const { account, startsAt, endsAt, subscription, plan, limit, lastAt, createdAt, ...figures } = window;
  return {
    ...figures,
    ...{ account_id: account, starts_at: iso(startsAt), ends_at: iso(endsAt), subscription_id: subscription, plan },
    ...{
      limit_kind: limit,
      last_at: lastAt === null ? null : iso(lastAt),
      created_at: iso(createdAt),
      updated_at: now,
    },
  };
}

function overageRow(one: UsageOverage, now: Date): object {
  const { account, windowStart, windowEnd, rate, subscription, plan, price, units } = one;
  const { amountCents, perUnits, currency } = price;
  return {
    ...{ account_id: account, window_start: iso(windowStart), rate, window_end: iso(windowEnd), plan, units, currency },
    ...{ subscription_id: subscription, amount_cents: amountCents, per_units: perUnits, updated_at: now },
  };
}

function reservationRow(one: UsageReservation): object {
  const { id, account, windowStart, quantity, held, overage, uncovered, rate, status, eventId, used } = one;
  return {
    ...{
      id,
      account_id: account,
      window_start: iso(windowStart),
      quantity,
      held,
      overage,
      uncovered,
      rate,
      status,
      used,
    },
    ...{ event_id: eventId, created_at: iso(one.createdAt), expires_at: iso(one.expiresAt) },
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function byAccount<Item extends { account: string }>(items: readonly Item[]): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) ofAccount(groups, item.account, () => []).push(item);
  return groups;
}

function ofAccount<Group>(groups: Map<string, Group>, account: string, create: () => Group): Group {
  const group = groups.get(account) ?? create();
  groups.set(account, group);
  return group;
}
