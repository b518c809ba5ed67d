/** A batch of use in one transaction: locked, read, decided by core, written. */

import {
  CALENDAR_MONTHS,
  type CountedEvent,
  dayMs,
  eventKey,
  LATEST_EVENT_DAYS,
  monthsFrom,
  openUsage,
  type PeriodAnchor,
  periodName,
  type UsageAccount,
  type UsageChanges,
  type UsageCrossing,
  type UsageOutcome,
  type UsageRequest,
  type UsageReservation,
  windowAt,
} from '@latchkey/core';
import type { Connection, Transaction } from '../../db/database.ts';
import type { Clock, Ids } from '../../ports.ts';
import type { Ledger } from '../ledger/index.ts';
import { digestOf, readLapsed, readUsage, type StoredUsage, writeUsage } from './repository.ts';

/** Where the periods of an account come from. */
export interface PeriodSource {
  /** The subscription behind the licence; null for none. */
  readonly subscription: string | null;
  /** Since when the licence runs; null for a customer's own account. */
  readonly startsAt: number | null;
}

/** A request without what only the transaction can read. */
export type SubmittedRequest = UsageRequest & { readonly source: PeriodSource };

/** What one caller asks for, decided together with what others ask. */
export interface UsageOperation {
  readonly requests: readonly SubmittedRequest[];
}

/** An event as it was counted, for those who add it up. */
export interface RecordedEvent {
  id: string;
  account: string;
  at: number;
  receivedAt: number;
  quantity: number;
  covered: number;
  overage: number;
  uncovered: number;
  reverses: string | null;
  method: string | null;
  route: string | null;
  durationMs: number | null;
  status: number | null;
}

export interface WriteBatchOptions {
  ledger: Pick<Ledger, 'lock'>;
  clock: Clock;
  ids: Ids;
  /** The current periods of subscriptions, by their ids; those that have none are left out. */
  periods(connection: Connection, ids: readonly string[]): Promise<ReadonlyMap<string, PeriodAnchor>>;
  /** Told of what was counted, in its transaction. */
  recorded?(
    transaction: Transaction,
    events: readonly RecordedEvent[],
    crossings: readonly UsageCrossing[],
  ): Promise<void>;
}

/** How far back windows are read: an event at the limit may still be decided on when it has just passed it. */
const WINDOW_MS = (LATEST_EVENT_DAYS + 1) * dayMs;

/** What a batch, or somebody who only reads, must know of accounts. */
export function sinceWhen(now: Date): Date {
  return new Date(now.getTime() - WINDOW_MS);
}

/** Gives what decides on operations in a transaction and writes what they come to. */
export function createWriteBatch({ ledger: ledgers, clock, ids, periods, recorded }: WriteBatchOptions) {
  return async function writeBatch(
    transaction: Transaction,
    operations: readonly UsageOperation[],
  ): Promise<UsageOutcome[][]> {
    const { connection } = transaction;
    const requests = operations.flatMap((operation) => operation.requests);
    const needs = needsOf(requests);
    const now = clock.now();
    const ledger = await ledgers.lock(transaction, { ...needs, now: now.getTime() });
    const stored = await readUsage(connection, { ...needs, since: sinceWhen(now), now });
    const sources = new Map(requests.map(({ account, source }) => [account, source]));
    const anchors = await anchorsOf(connection, sources, periods);
    const lapsed = await lapsedLots(connection, requests, { stored, anchors, now: now.getTime() });
    const book = openUsage({
      ledger,
      batch: ids.next('use'),
      now: now.getTime(),
      accounts: accountsOf(sources, stored, anchors, lapsed),
      counted: countedBy(needs.digestOfKey, stored.counted),
    });
    const outcomes = operations.map((operation) =>
      operation.requests.map((request) => book.decide(asStored(request, stored.reservations))),
    );
    const changes = book.finish();
    await ledger.write();
    if (isChanged(changes)) {
      const digests = changes.events.map(({ account, id }) => digestIn(needs.digestOfKey, eventKey(account, id)));
      await writeUsage(connection, changes, { digests, now });
    }
    await recorded?.(transaction, changes.events.map(recordedEvent), changes.crossings);
    return outcomes;
  };
}

/** What must be locked and read for these requests. */
function needsOf(requests: readonly UsageRequest[]) {
  const accounts = new Set<string>();
  /** What the events that are named are known by in the database. */
  const digestOfKey = new Map<string, string>();
  const operations: { account: string; key: string }[] = [];
  const reservations: string[] = [];
  const add = (account: string, id: string) => {
    const key = eventKey(account, id);
    if (!digestOfKey.has(key)) digestOfKey.set(key, digestOf(key));
  };
  for (const request of requests) {
    const { account } = request;
    accounts.add(account);
    if ('id' in request) add(account, request.id);
    if (request.type === 'use' && request.alias !== undefined) add(request.alias, request.id);
    if (request.type === 'finalize' || request.type === 'release') reservations.push(request.reservation.id);
    if (request.type !== 'correct') continue;
    add(account, request.event.id);
    if (request.event.operation !== null) operations.push({ account, key: request.event.operation });
  }
  return {
    accounts: [...accounts],
    digestOfKey,
    digests: [...digestOfKey.values()],
    reservations,
    ...(operations.length > 0 ? { operations } : {}),
  };
}

/** The periods of accounts, today's. */
export async function anchorsOf(
  connection: Connection,
  sources: ReadonlyMap<string, PeriodSource>,
  periods: WriteBatchOptions['periods'],
): Promise<Map<string, PeriodAnchor>> {
  const subscriptions = new Set([...sources.values()].flatMap(({ subscription }) => subscription ?? []));
  const found =
    subscriptions.size === 0 ? new Map<string, PeriodAnchor>() : await periods(connection, [...subscriptions]);
  return new Map(
    [...sources].map(([account, { subscription, startsAt }]) => {
      const period = subscription === null ? undefined : found.get(subscription);
      return [account, period ?? (startsAt === null ? CALENDAR_MONTHS : monthsFrom(startsAt))];
    }),
  );
}

type LapsedLots = ReadonlyMap<string, ReadonlyMap<number, ReadonlyMap<string, number>>>;

/** What lapsed of the included amounts of windows that are over, where late events ask for it. */
async function lapsedLots(
  connection: Connection,
  requests: readonly UsageRequest[],
  { stored, anchors, now }: { stored: StoredUsage; anchors: ReadonlyMap<string, PeriodAnchor>; now: number },
): Promise<LapsedLots> {
  const accounts = new Set<string>();
  const periods = new Map<string, number>();
  for (const request of requests) {
    if (request.type !== 'use') continue;
    const { account, at } = request;
    const anchor = anchors.get(account) ?? CALENDAR_MONTHS;
    if (at >= anchor.startsAt && at < anchor.endsAt && anchor.endsAt > now) continue;
    const window = windowAt(at, anchor, stored.windows.get(account) ?? []);
    if (window.endsAt > now) continue;
    accounts.add(account);
    periods.set(periodName(window.startsAt), window.startsAt);
  }
  const lapsed = new Map<string, Map<number, Map<string, number>>>();
  if (accounts.size === 0) return lapsed;
  for (const lot of await readLapsed(connection, [...accounts], [...periods.keys()])) {
    const start = periods.get(lot.period ?? '');
    if (start === undefined) continue;
    const ofAccount = lapsed.get(lot.account_id) ?? new Map<number, Map<string, number>>();
    lapsed.set(lot.account_id, ofAccount);
    const ofPeriod = ofAccount.get(start) ?? new Map<string, number>();
    ofAccount.set(start, ofPeriod);
    ofPeriod.set(lot.id, lot.expired);
  }
  return lapsed;
}

/** Accounts as core decides on them. */
export function accountsOf(
  sources: ReadonlyMap<string, PeriodSource>,
  stored: StoredUsage,
  anchors: ReadonlyMap<string, PeriodAnchor>,
  lapsed: LapsedLots = new Map(),
): Map<string, UsageAccount> {
  return new Map(
    [...sources].map(([account, { subscription }]) => [
      account,
      {
        anchor: anchors.get(account) ?? CALENDAR_MONTHS,
        subscription,
        override: stored.overrides.get(account),
        windows: stored.windows.get(account) ?? [],
        overages: stored.overages.get(account) ?? [],
        beyond: stored.beyond.get(account) ?? new Map(),
        lapsedLots: lapsed.get(account) ?? new Map(),
      },
    ]),
  );
}

/** Events that were counted before, by their keys. Most batches have none. */
function countedBy(
  digestOfKey: ReadonlyMap<string, string>,
  counted: ReadonlyMap<string, CountedEvent>,
): Map<string, CountedEvent> {
  const found = new Map<string, CountedEvent>();
  if (counted.size === 0) return found;
  for (const [key, digest] of digestOfKey) {
    const event = counted.get(digest);
    if (event !== undefined) found.set(key, event);
  }
  return found;
}

/** The digest of an event that was written: known already, for a request named it. */
function digestIn(digestOfKey: ReadonlyMap<string, string>, key: string): string {
  return digestOfKey.get(key) ?? digestOf(key);
}

/** A reservation was looked up before its account was locked: what it is now counts. */
function asStored(request: UsageRequest, reservations: ReadonlyMap<string, UsageReservation>): UsageRequest {
  if (request.type !== 'finalize' && request.type !== 'release') return request;
  return { ...request, reservation: reservations.get(request.reservation.id) ?? request.reservation };
}

function isChanged({ events, windows, overages, reservations }: UsageChanges): boolean {
  return events.length + windows.length + overages.length + reservations.length > 0;
}

function recordedEvent({ details, ...event }: UsageChanges['events'][number]): RecordedEvent {
  const { id, account, at, receivedAt, quantity, covered, overage, uncovered, reverses } = event;
  const { method, route, durationMs, status } = details;
  const parts = { covered, overage, uncovered, reverses };
  return { id, account, at, receivedAt, quantity, ...parts, method, route, durationMs, status };
}
