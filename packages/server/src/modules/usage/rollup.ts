/** What events of use come to by the hour: kept with the events themselves, so that series need not read every event. */

import { durationBucket, hourMs } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import { addHours, type HourOfUse } from './rollup-repository.ts';

/** An event as it was written. */
export interface CountedEvent {
  /** The account's id in the ledger. */
  account: string;
  /** When it happened, in milliseconds since 1970. */
  at: number;
  /** In the meter's steps; below zero for a correction. */
  quantity: number;
  covered: number;
  overage: number;
  uncovered: number;
  /** The event that this one corrects. */
  reverses: string | null;
  method: string | null;
  route: string | null;
  durationMs: number | null;
  /** What the vendor's server answered. */
  status: number | null;
}

/**
 * Adds newly written events to their hours, in the transaction in which they were written and by whoever holds the locks of their
 * accounts. An event counts in the hour in which it happened, however late it was told of; a correction in the hour of what it corrects.
 */
export async function rollUp({ connection }: Transaction, events: readonly CountedEvent[]): Promise<void> {
  const hours = hoursOf(events);
  if (hours.length > 0) await addHours(connection, hours);
}

/** What some events come to, each hour of an account and a route once. */
export function hoursOf(events: readonly CountedEvent[]): HourOfUse[] {
  // By account, for events of one come in few hours and routes: looking through those is quicker than a key of all four.
  const byAccount = new Map<string, HourOfUse[]>();
  for (const event of events) {
    const start = Math.floor(event.at / hourMs) * hourMs;
    const { method, route } = event;
    const hours = byAccount.get(event.account) ?? [];
    if (hours.length === 0) byAccount.set(event.account, hours);
    let hour = hours.find((one) => isOf(one, start, method ?? '', route ?? ''));
    if (hour === undefined) {
      hour = emptyHour(event.account, new Date(start), method ?? '', route ?? '');
      hours.push(hour);
    }
    count(hour, event);
  }
  return [...byAccount.values()].flat();
}

function isOf(one: HourOfUse, start: number, method: string, route: string): boolean {
  return one.route === route && one.method === method && one.hour.getTime() === start;
}

function emptyHour(account_id: string, hour: Date, method: string, route: string): HourOfUse {
  const sums = { events: 0, failed: 0, quantity: 0, covered: 0, overage: 0, uncovered: 0, peak: 0 };
  return { account_id, hour, method, route, ...sums, last_quantity: 0, last_at: null, duration_ms: 0, recent: [] };
}

const SERVER_ERROR = 500;

function count(hour: HourOfUse, event: CountedEvent): void {
  hour.quantity += event.quantity;
  hour.covered += event.covered;
  hour.overage += event.overage;
  hour.uncovered += event.uncovered;
  if (event.reverses !== null) return;
  hour.events += 1;
  if (event.status !== null && event.status >= SERVER_ERROR) hour.failed += 1;
  hour.peak = Math.max(hour.peak, event.quantity);
  if (hour.last_at === null || event.at >= hour.last_at.getTime()) {
    hour.last_at = new Date(event.at);
    hour.last_quantity = event.quantity;
  }
  if (event.durationMs === null) return;
  hour.duration_ms += event.durationMs;
  hour.recent.push(durationBucket(event.durationMs));
}
