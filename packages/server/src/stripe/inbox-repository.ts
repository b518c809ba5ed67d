import { type Selectable, sql } from 'kysely';
import type { Connection } from '../db/database.ts';
import type { InboxTable } from '../db/schema.ts';
import type { DeliveredEvent } from './event.ts';
import type { Lane } from './inbox-lanes.ts';

/** All SQL about the inbox. */

/** What became of an event. */
export type InboxStatus = 'pending' | 'processed' | 'ignored' | 'failed';

/** An event as Stripe delivered it, and what became of it. */
export interface InboxEntry {
  id: string;
  eventId: string;
  type: string;
  apiVersion: string | null;
  /** The event's `created`. */
  stripeCreated: Date;
  /** Where it was delivered. */
  path: string;
  status: InboxStatus;
  /** Why it was ignored, or what went wrong the last time. */
  reason: string | null;
  attempts: number;
  nextAttemptAt: Date | null;
  receivedAt: Date;
  finishedAt: Date | null;
}

export interface InboxFilter {
  status?: InboxStatus | undefined;
  type?: string | undefined;
}

export interface InboxPosition {
  at: Date;
  id: string;
}

/** How many events wait, how many were given up, and how long the oldest has waited. */
export interface InboxLag {
  pending: number;
  failed: number;
  oldestSeconds: number;
}

/** An event as the worker takes it. */
export interface InboxWork {
  id: string;
  eventId: string;
  type: string;
  created: Date;
  payload: unknown;
  /** Attempts before this one. */
  attempts: number;
}

export interface NewEntry extends DeliveredEvent {
  id: string;
  path: string;
  receivedAt: Date;
}

/** Stores events; answers the ids of those that were not there yet. */
export async function insertEvents(connection: Connection, entries: readonly NewEntry[]): Promise<Set<string>> {
  // One parameter, into which the payloads go as the JSON they are: neither parsed nor escaped on the way.
  const { rows } = await sql<{ id: string }>`
    INSERT INTO inbox (id, event_id, type, api_version, stripe_created, path, payload, status, received_at)
    SELECT id, event_id, type, api_version, stripe_created, path, payload, 'pending', received_at
    FROM jsonb_to_recordset(${`[${entries.map(rowText).join(',')}]`}::jsonb) AS rows (
      id text, event_id text, type text, api_version text, stripe_created timestamptz, path text, payload jsonb,
      received_at timestamptz
    )
    ON CONFLICT (event_id) DO NOTHING
    RETURNING id
  `.execute(connection);
  return new Set(rows.map(({ id }) => id));
}

function rowText({ id, eventId, type, apiVersion, created, path, payload, receivedAt }: NewEntry): string {
  const row = {
    id,
    event_id: eventId,
    type,
    api_version: apiVersion,
    stripe_created: created,
    path,
    received_at: receivedAt,
  };
  return `${JSON.stringify(row).slice(0, -1)},"payload":${payload}}`;
}

/** The oldest events that are due and that no other transaction holds, held until the end of this one. */
export async function claimDue(
  connection: Connection,
  wall: Date,
  limit: number,
  lane: Lane | null = null,
): Promise<InboxWork[]> {
  let query = connection
    .selectFrom('inbox')
    .select(['id', 'event_id', 'type', 'stripe_created', 'payload', 'attempts'])
    .where('status', '=', 'pending')
    .where((where) => where.or([where('next_attempt_at', 'is', null), where('next_attempt_at', '<=', wall)]));
  if (lane !== null) {
    query = query.where(sql<boolean>`abs(hashtext(coalesce(
      payload #>> '{data,object,customer}', payload #>> '{data,object,id}', id
    ))::bigint) % ${lane.of} = ${lane.number}`);
  }
  const rows = await query.orderBy('received_at').orderBy('id').limit(limit).forUpdate().skipLocked().execute();
  return rows.map(toWork);
}

/** Holds one event, unless another transaction has it or it is done. */
export async function claimOne(connection: Connection, id: string): Promise<InboxWork | null> {
  const row = await connection
    .selectFrom('inbox')
    .select(['id', 'event_id', 'type', 'stripe_created', 'payload', 'attempts'])
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
  return row === undefined ? null : toWork(row);
}

/** Marks events as done with; those that are not pending any more stay as they are. */
export async function finish(
  connection: Connection,
  ids: readonly string[],
  outcome: { status: 'processed' | 'ignored'; reason: string | null; wall: Date },
): Promise<void> {
  if (ids.length === 0) return;
  await connection
    .updateTable('inbox')
    .set(({ eb }) => ({
      status: outcome.status,
      reason: outcome.reason,
      attempts: eb('attempts', '+', 1),
      next_attempt_at: null,
      finished_at: outcome.wall,
    }))
    .where('id', 'in', ids)
    .where('status', '=', 'pending')
    .execute();
}

/** Keeps events for whoever works on them outside of this transaction; when that one dies, they fall due again. */
export async function lease(connection: Connection, ids: readonly string[], until: Date): Promise<void> {
  if (ids.length === 0) return;
  await connection
    .updateTable('inbox')
    .set({ next_attempt_at: until })
    .where('id', 'in', ids)
    .where('status', '=', 'pending')
    .execute();
}

/** Notes a failed attempt; without a next one the event is given up. */
export async function recordFailure(
  connection: Connection,
  id: string,
  failure: { reason: string; nextAttemptAt: Date | null; wall: Date },
): Promise<void> {
  const { reason, nextAttemptAt, wall } = failure;
  await connection
    .updateTable('inbox')
    .set(({ eb }) => ({
      status: nextAttemptAt === null ? 'failed' : 'pending',
      reason,
      attempts: eb('attempts', '+', 1),
      next_attempt_at: nextAttemptAt,
      finished_at: nextAttemptAt === null ? wall : null,
    }))
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .execute();
}

/** Makes an event due, as if it had just been stored; null when there is none. */
export async function reopen(connection: Connection, id: string): Promise<InboxEntry | null> {
  const row = await connection
    .updateTable('inbox')
    .set({ status: 'pending', reason: null, attempts: 0, next_attempt_at: null, finished_at: null })
    .where(eitherId(id))
    .returning(entryColumns)
    .executeTakeFirst();
  return row === undefined ? null : toEntry(row);
}

/** When the next event that waits falls due. */
export async function nextDue(connection: Connection): Promise<Date | null> {
  const row = await connection
    .selectFrom('inbox')
    .select(({ fn }) => fn.min('next_attempt_at').as('at'))
    .where('status', '=', 'pending')
    .executeTakeFirst();
  return row?.at ?? null;
}

/** Makes due what a process that is gone had taken. Only where no other process can be at work: on the embedded database. */
export async function releaseInboxClaims(connection: Connection): Promise<void> {
  await connection.updateTable('inbox').set({ next_attempt_at: null }).where('status', '=', 'pending').execute();
}

export async function selectEntries(
  connection: Connection,
  { status, type }: InboxFilter,
  after: InboxPosition | null,
  limit: number,
): Promise<InboxEntry[]> {
  let query = connection.selectFrom('inbox').select(entryColumns);
  if (status !== undefined) query = query.where('status', '=', status);
  if (type !== undefined) query = query.where('type', '=', type);
  if (after !== null) query = query.where(sql<boolean>`(received_at, id) < (${after.at}::timestamptz, ${after.id})`);
  const rows = await query.orderBy('received_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
  return rows.map(toEntry);
}

export async function findEntry(
  connection: Connection,
  id: string,
): Promise<(InboxEntry & { payload: unknown }) | null> {
  const row = await connection
    .selectFrom('inbox')
    .select([...entryColumns, 'payload'])
    .where(eitherId(id))
    .executeTakeFirst();
  return row === undefined ? null : { ...toEntry(row), payload: row.payload };
}

export async function readLag(connection: Connection, wall: Date): Promise<InboxLag> {
  const row = await connection
    .selectFrom('inbox')
    .select(({ fn }) => [
      fn.countAll<number>().filterWhere('status', '=', 'pending').as('pending'),
      fn.countAll<number>().filterWhere('status', '=', 'failed').as('failed'),
      fn.min('received_at').filterWhere('status', '=', 'pending').as('oldest'),
    ])
    .where('status', 'in', ['pending', 'failed'])
    .executeTakeFirstOrThrow();
  const oldestSeconds = row.oldest === null ? 0 : Math.max(0, (wall.getTime() - row.oldest.getTime()) / 1_000);
  return { pending: row.pending, failed: row.failed, oldestSeconds };
}

const entryColumns = [
  'id',
  'event_id',
  'type',
  'api_version',
  'stripe_created',
  'path',
  'status',
  'reason',
  'attempts',
  'next_attempt_at',
  'received_at',
  'finished_at',
] as const;

type EntryRow = Pick<Selectable<InboxTable>, (typeof entryColumns)[number]>;

function eitherId(id: string) {
  return sql<boolean>`${sql.ref(id.startsWith('inb_') ? 'id' : 'event_id')} = ${id}`;
}

function toWork(
  row: Pick<Selectable<InboxTable>, 'id' | 'event_id' | 'type' | 'stripe_created' | 'payload' | 'attempts'>,
): InboxWork {
  const { id, type, payload, attempts } = row;
  return { id, eventId: row.event_id, type, created: row.stripe_created, payload, attempts };
}

function toEntry(row: EntryRow): InboxEntry {
  return {
    id: row.id,
    eventId: row.event_id,
    type: row.type,
    apiVersion: row.api_version,
    stripeCreated: row.stripe_created,
    path: row.path,
    status: row.status,
    reason: row.reason,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    receivedAt: row.received_at,
    finishedAt: row.finished_at,
  };
}
