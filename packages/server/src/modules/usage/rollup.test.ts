import { dayMs, durationBucket, durationHistogram, hourMs, LONGEST_DURATION_MS } from '@latchkey/core';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLedgerAccount } from '../../../test/support/ledger.ts';
import { writeEvents } from '../../../test/support/use.ts';
import type { CountedEvent } from './rollup.ts';
import { proveUse } from './rollup-proof.ts';

const START = Date.UTC(2026, 3, 29);
const span = { from: new Date(START), to: new Date(START + 4 * dayMs) };
const actor = { type: 'system', id: 'test' } as const;

let test: TestDatabase;
const accounts: string[] = [];

beforeAll(async () => {
  test = await createTestDatabase();
  for (const name of ['cust_ada', 'cust_bob']) {
    const account = await createLedgerAccount(test.database.connection, name);
    await sql`INSERT INTO ledger_accounts (id, customer_id, product, meter, created_at)
      VALUES (${account}, ${name}, 'shop', 'calls', now())`.execute(test.database.connection);
    accounts.push(account);
  }
});
afterAll(() => test.close());

const write = (events: readonly CountedEvent[], fails = false) => writeEvents(test.database, events, fails);

const steps = fc.integer({ min: 0, max: 1_000 });
const some = fc.option(fc.constantFrom('GET', 'POST'), { nil: null });
const event: fc.Arbitrary<CountedEvent> = fc
  .record({
    account: fc.nat({ max: 1 }).map((index) => accounts[index] ?? ''),
    at: fc.integer({ min: 0, max: 3 * dayMs }).map((offset) => START + offset),
    covered: steps,
    overage: steps,
    uncovered: steps,
    correction: fc.boolean(),
    method: some,
    route: fc.option(fc.constantFrom('/signals', '/signals/:id', ''), { nil: null }),
    durationMs: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: null }),
    status: fc.option(fc.constantFrom(200, 404, 500, 503), { nil: null }),
  })
  .map(({ correction, covered, overage, uncovered, ...rest }) => {
    const sign = correction ? -1 : 1;
    const parts = { covered: sign * covered, overage: sign * overage, uncovered: sign * uncovered };
    const quantity = parts.covered + parts.overage + parts.uncovered;
    return { ...rest, ...parts, quantity, reverses: correction ? 'evt_1' : null };
  });

describe('what use comes to by the hour', () => {
  it('is the sum of the events at any moment, whatever is recorded, corrected, late or taken back with its batch', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 30 }), fc.boolean(), async (events, fails) => {
        await write(events, fails).catch((error: Error) => expect(error.message).toBe('the batch fails'));
        expect(await proveUse(test.database, span, { repair: false, actor })).toMatchObject({
          equal: true,
          discrepancies: [],
        });
      }),
      { numRuns: 25 },
    );
  });

  it('keeps how long each event took, however many there are in an hour', async () => {
    const [account = ''] = accounts;
    const use = { account, at: START + hourMs, quantity: 1, covered: 1, overage: 0, uncovered: 0, reverses: null };
    const durations = Array.from({ length: 700 }, (_, index) => (index * 37) % 2_000);
    for (let from = 0; from < durations.length; from += 70) {
      const some = durations.slice(from, from + 70);
      await write(some.map((durationMs) => ({ ...use, method: null, route: '/busy', status: 200, durationMs })));
    }
    const { connection } = test.database;
    const { rows } = await sql<{ durations: Record<string, number>; waiting: number }>`
      SELECT usage_durations(durations, recent) AS durations, cardinality(recent) AS waiting
      FROM usage_hours WHERE route = '/busy'`.execute(connection);
    expect(rows[0]?.durations).toEqual(durationHistogram(durations));
    expect(rows[0]?.waiting).toBeLessThanOrEqual(256);
    expect(await proveUse(test.database, span, { repair: false, actor })).toMatchObject({ equal: true });
  });

  it('is found wrong where somebody changed it, and put right from the events', async () => {
    const [account = ''] = accounts;
    const at = START + 5 * hourMs;
    const use = { account, at, quantity: 7, covered: 7, overage: 0, uncovered: 0, reverses: null, durationMs: 40 };
    await write([{ ...use, method: 'GET', route: '/wrong', status: 200 }]);
    const { connection } = test.database;
    await sql`UPDATE usage_hours SET quantity = 8 WHERE route = '/wrong'`.execute(connection);
    const found = await proveUse(test.database, span, { repair: false, actor });
    const where = { account, hour: new Date(at), method: 'GET', route: '/wrong' };
    expect(found).toMatchObject({ equal: false, repaired: 0, discrepancies: [{ ...where, kept: 8, counted: 7 }] });

    await sql`UPDATE usage_hours SET durations = '{"1": 1}' WHERE route = '/wrong'`.execute(connection);
    await sql`INSERT INTO usage_hours SELECT account_id, hour, method, '/never', 1, 0, 1, 1, 0, 0, 1, 1, hour, 0, '{}'
      FROM usage_hours WHERE route = '/wrong'`.execute(connection);
    const mended = await proveUse(test.database, span, { repair: true, actor });
    expect(mended).toMatchObject({ equal: true, repaired: 1 });
    expect(mended.discrepancies.map(({ kept, counted }) => [kept, counted])).toEqual([
      [1, null],
      [8, 7],
    ]);
    const row = await connection
      .selectFrom('usage_hours')
      .selectAll()
      .where('route', '=', '/wrong')
      .executeTakeFirstOrThrow();
    expect(row).toMatchObject({ quantity: 7, last_quantity: 7, durations: { [durationBucket(40)]: 1 } });
  });

  it('has the buckets that core has, in the database too', async () => {
    const values = [0, 1, 15, 16, 31, 32, 33, 63, 64, 1_000, 4_095, 4_096, 123_456_789, 2 ** 30, LONGEST_DURATION_MS];
    const { rows } = await sql<{ bucket: number }>`SELECT usage_duration_bucket(ms) AS bucket
      FROM unnest(${values}::integer[]) WITH ORDINALITY AS given (ms, place) ORDER BY place`.execute(
      test.database.connection,
    );
    expect(rows.map(({ bucket }) => bucket)).toEqual(values.map(durationBucket));
  });
});
