import { dayMs } from '@latchkey/core';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLedgerAccount } from '../../../test/support/ledger.ts';
import { createCollectingLog } from '../../../test/support/ports.ts';
import { writeEvents } from '../../../test/support/use.ts';
import { createUsageRetention } from './retention.ts';
import { proveUse } from './rollup-proof.ts';

const NOW = new Date('2026-09-15T12:00:00Z');
const actor = { type: 'system', id: 'test' } as const;
const log = createCollectingLog();

let test: TestDatabase;
let account: string;
let count = 0;

beforeAll(async () => {
  test = await createTestDatabase();
  account = await createLedgerAccount(test.database.connection, 'cust_ada');
  await sql`INSERT INTO ledger_accounts (id, customer_id, product, meter, created_at)
    VALUES (${account}, 'cust_ada', 'shop', 'calls', now())`.execute(test.database.connection);
});
afterAll(() => test.close());

const retention = (keepMonths: number | null, rowsAtATime?: number) => {
  const clock = { now: () => NOW, wall: () => NOW };
  return createUsageRetention({ database: test.database, clock, log, keepMonths, rowsAtATime });
};

describe('reservations', () => {
  const daysAgo = (days: number) => new Date(NOW.getTime() - days * dayMs);
  /** One of use and, under the same id, what the ledger holds of it. */
  async function reserve(days: number, ofUse: string, ofLedger: string): Promise<string> {
    count += 1;
    const id = `rsv_${String(count).padStart(6, '0')}`;
    const { connection } = test.database;
    await sql`INSERT INTO usage_reservations (id, account_id, window_start, quantity, held, overage, uncovered, status, created_at,
        expires_at) VALUES (${id}, ${account}, ${daysAgo(days + 1)}, 1, 1, 0, 0, ${ofUse}, ${daysAgo(days + 1)}, ${daysAgo(days)})`.execute(
      connection,
    );
    await sql`INSERT INTO ledger_reservations (id, account_id, amount, parts, expires_at, status, posted)
      VALUES (${id}, ${account}, 1, '[]', ${daysAgo(days)}, ${ofLedger}, 0)`.execute(connection);
    return id;
  }
  const kept = async (table: 'usage_reservations' | 'ledger_reservations') =>
    (await test.database.connection.selectFrom(table).select('id').orderBy('id').execute()).map(({ id }) => id);

  it('go once their time was over for 35 days, but what a balance still counts, and step by step', async () => {
    for (let index = 0; index < 7; index += 1) await reserve(36, 'finalized', 'posted');
    await reserve(36, 'released', 'voided');
    await reserve(36, 'live', 'expired');
    const counted = await reserve(36, 'live', 'live');
    for (let index = 0; index < 4; index += 1) await reserve(40, 'finalized', 'posted');
    const staying = [
      await reserve(34, 'finalized', 'posted'),
      await reserve(34, 'live', 'expired'),
      await reserve(0, 'released', 'voided'),
      await reserve(-1, 'live', 'live'),
    ];
    expect(await retention(null, 3).removeReservations()).toBe(14 + 13);
    expect(await kept('usage_reservations')).toEqual(staying);
    expect(await kept('ledger_reservations')).toEqual([counted, ...staying]);
    expect(await retention(null, 3).removeReservations()).toBe(0);
  });
});

describe('events', () => {
  const use = (at: string, route = '/signals') => ({
    ...{
      account,
      at: Date.parse(at),
      quantity: 7,
      covered: 7,
      overage: 0,
      uncovered: 0,
      reverses: null,
      durationMs: 40,
    },
    ...{ method: 'GET', route, status: 200 },
  });
  const months = async () => {
    const { rows } = await sql<{ name: string }>`
      SELECT relname AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE nspname = 'usage_months' AND relkind = 'r' AND relname LIKE 'events%' ORDER BY relname`.execute(
      test.database.connection,
    );
    return rows.map(({ name }) => name.slice('events_2026_'.length));
  };
  const hours = async () => {
    const { rows } = await sql<{ hour: Date; quantity: number }>`
      SELECT hour, quantity FROM usage_hours ORDER BY hour, route`.execute(test.database.connection);
    return rows.map(({ hour, quantity }) => [hour.toISOString().slice(0, 13), quantity]);
  };
  const prove = (from: string, to: string, repair = false) =>
    proveUse(test.database, { from: new Date(from), to: new Date(to) }, { repair, actor });
  const ALL = [
    ...[
      ['2026-01-31T23', 7],
      ['2026-03-10T05', 7],
      ['2026-05-31T23', 7],
      ['2026-05-31T23', 7],
      ['2026-06-01T00', 7],
    ],
    ...[['2026-09-15T11', 7]],
  ];

  beforeAll(async () => {
    await writeEvents(test.database, [
      ...[use('2026-01-31T23:59:59.999Z'), use('2026-03-10T05:00:00Z')],
      ...[use('2026-05-31T23:10:00Z'), use('2026-05-31T23:59:59Z', '/other'), use('2026-06-01T00:00:00Z')],
      use('2026-09-15T11:00:00Z'),
    ]);
  });

  it('stay for ever unless it is said how long', async () => {
    expect(await retention(null).dropEvents()).toBe(0);
    expect(await retention(9).dropEvents()).toBe(0);
    expect(await months()).toEqual(['01', '03', '05', '06', '09']);
    expect(await prove('2026-01-31T00:00:00Z', '2026-02-01T00:00:00Z')).toMatchObject({
      equal: true,
      eventsFrom: null,
    });
  });

  it('of a month stay, and those of every later one, while its hours are not what they say', async () => {
    const { connection } = test.database;
    await sql`UPDATE usage_hours SET quantity = 8 WHERE hour = '2026-03-10T05:00:00Z'`.execute(connection);
    expect(await retention(3).dropEvents()).toBe(1);
    expect(await months()).toEqual(['03', '05', '06', '09']);
    expect(log.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { fields: { month: '2026-03-01T00:00:00.000Z' } },
    ]);
    const mended = await prove('2026-02-15T00:00:00Z', '2026-04-01T00:00:00Z', true);
    expect(mended).toMatchObject({ equal: true, repaired: 1, discrepancies: [{ kept: 8, counted: 7 }] });
  });

  it('are dropped by whole months that ended so long ago, and their hours stay', async () => {
    expect(await hours()).toEqual(ALL);
    expect(await retention(3).dropEvents()).toBe(2);
    expect(await months()).toEqual(['06', '09']);
    expect(await hours()).toEqual(ALL);
    expect(await retention(3).dropEvents()).toBe(0);
  });

  it('that are dropped are no difference, and a repair leaves their hours alone', async () => {
    const { connection } = test.database;
    const asked = ['2026-05-15T00:00:00Z', '2026-06-30T00:00:00Z'] as const;
    const since = new Date('2026-06-01T00:00:00Z');
    expect(await prove(...asked)).toMatchObject({
      ...{ equal: true, hours: 1, discrepancies: [], eventsFrom: since },
      span: { from: since, to: new Date(asked[1]) },
    });
    await sql`UPDATE usage_hours SET quantity = 9 WHERE hour = ${since}`.execute(connection);
    expect(await prove(...asked, true)).toMatchObject({ equal: true, repaired: 1, discrepancies: [{ kept: 9 }] });
    expect(await hours()).toEqual(ALL);
  });

  it('of which nothing is left cannot be compared, and that is said', async () => {
    const all = prove('2026-05-01T00:00:00Z', '2026-06-01T00:00:00Z');
    await expect(all).rejects.toMatchObject({
      code: 'invalid_request',
      detail: expect.stringContaining('were dropped'),
    });
    expect(await prove('2026-06-01T00:00:00Z', '2026-06-02T00:00:00Z')).toMatchObject({ equal: true, hours: 1 });
  });
});
