import { addDays, type Catalog, DEFAULT_LICENSE_POLICY, dayMs, earliest } from '@latchkey/core';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import { accessEnd, type LicenseReader, type LicenseRecord } from '../licenses/index.ts';
import type { Notifications } from '../notifications/index.ts';
import { type EndingLicense, firstEndAfter, listEnding, readToldUntil, writeToldUntil } from './notices-repository.ts';
import { noticeDaysOf } from './policies.ts';

export interface LicenseNoticesOptions {
  database: Database;
  catalog: Catalog;
  clock: Clock;
  licenseReader: LicenseReader;
  notifications: Notifications;
}

/** Letters about licences whose own term ends; those of a subscription are the subscription's to announce. */
export interface LicenseNotices {
  /** Writes what has fallen due since the last look; answers how many letters that were. */
  run(): Promise<number>;
  /** When the clock next calls for one. */
  nextDueAt(): Promise<Date | null>;
}

const SYSTEM = { type: 'system', id: 'monitor' } as const;
const BATCH = 200;

export function createLicenseNotices(options: LicenseNoticesOptions): LicenseNotices {
  const { database, catalog, clock, licenseReader, notifications } = options;
  const { connection } = database;
  /** Every number of days at which some plan announces an end; 0 is the end itself. */
  const allDays = [...new Set([0, ...DEFAULT_LICENSE_POLICY.expiringNoticeDays, ...plannedDays(catalog)])];

  /** Everything that came within so many days of its end since the last look. Told twice, it is written once. */
  async function tell(days: number, from: Date, until: Date): Promise<number> {
    let written = 0;
    let after: EndingLicense | null = null;
    for (;;) {
      const window = { from: addDays(from, days), until: addDays(until, days) };
      const batch: EndingLicense[] = await listEnding(connection, window, after, BATCH);
      for (const ending of batch) if (await write(ending, days, until)) written += 1;
      after = batch.at(-1) ?? null;
      if (batch.length < BATCH) return written;
    }
  }

  async function write({ id, email, expiresAt }: EndingLicense, days: number, now: Date): Promise<boolean> {
    const license = await licenseReader.get(id);
    if (!isDue(license, days, now)) return false;
    const usableUntil = accessEnd(license, catalog);
    const hasEnded = days === 0;
    return database.transaction({ actor: SYSTEM }, (transaction) =>
      notifications.notify(transaction, {
        template: 'license-ending',
        to: email,
        effectKey: `license:${id}:ends-${expiresAt.getTime()}-${days}-days`,
        data: {
          product: license.product,
          plan: license.plan,
          endsAt: expiresAt.toISOString(),
          hasEnded,
          usableUntil: usableUntil === null ? null : new Date(usableUntil).toISOString(),
        },
      }),
    );
  }

  /** Its plan announces so many days, it began before them, was not withheld, and of several that passed at once this is the last. */
  function isDue(license: LicenseRecord, days: number, now: Date): boolean {
    const { expiresAt, startsAt, holds } = license;
    if (expiresAt === null || holds.some(({ effectiveAt }) => effectiveAt <= now.getTime())) return false;
    if (expiresAt - days * dayMs <= startsAt) return false;
    const told = [0, ...(license.overrides.policy?.expiringNoticeDays ?? noticeDaysOf(catalog, license))];
    const passed = told.filter((one) => expiresAt - one * dayMs <= now.getTime());
    return days === Math.min(...passed);
  }

  return {
    async run() {
      const now = clock.now();
      const from = await readToldUntil(connection);
      let written = 0;
      // The first look begins: nobody is written to about what lies behind.
      if (from !== null) for (const days of allDays) written += await tell(days, from, now);
      await database.transaction({ actor: SYSTEM }, (transaction) =>
        writeToldUntil(transaction.connection, now, clock.wall()),
      );
      return written;
    },
    async nextDueAt() {
      const now = clock.now();
      let next: Date | null = null;
      for (const days of allDays) {
        const end = await firstEndAfter(connection, addDays(now, days));
        next = earliest(next, end === null ? null : addDays(end, -days));
      }
      return next;
    },
  };
}

function plannedDays(catalog: Catalog): number[] {
  return catalog.products.flatMap(({ plans }) => plans.flatMap(({ license }) => [...license.expiringNoticeDays]));
}
