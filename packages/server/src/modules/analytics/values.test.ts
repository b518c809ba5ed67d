import { hourMs, type Meter } from '@latchkey/core';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLedgerAccount } from '../../../test/support/ledger.ts';
import { writeEvents } from '../../../test/support/use.ts';
import { figuresOf, slotsOf } from './use-figures.ts';
import { sumUse, topCustomers } from './use-repository.ts';

const START = Date.UTC(2026, 3, 29);
const span = { from: new Date(START), to: new Date(START + 3 * hourMs) };
const scope = { product: 'shop', meter: 'calls' };
const meter = (aggregation: Meter['aggregation']): Meter => ({
  ...{ id: 'calls', name: 'Seats', unit: 'seat', kind: 'quantity', scale: 0, endpointCosts: [] },
  aggregation,
});

let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase();
  const { connection } = test.database;
  const values: Record<string, [hour: number, value: number][]> = {
    cust_ada: [
      [0, 5],
      [0.5, 9],
      [2, 3],
    ],
    cust_bob: [
      [0, 1],
      [2.5, 7],
      [2.2, 8],
    ],
  };
  for (const [customer, seen] of Object.entries(values)) {
    const account = await createLedgerAccount(connection, customer);
    await sql`INSERT INTO ledger_accounts (id, customer_id, product, meter, created_at)
      VALUES (${account}, ${customer}, 'shop', 'calls', now())`.execute(connection);
    const rest = { covered: 0, overage: 0, uncovered: 0, reverses: null, method: null, durationMs: null, status: null };
    // Each by a route of its own: what is no sum must not become one by being kept apart.
    for (const [hour, quantity] of seen) {
      const at = START + hour * hourMs;
      await writeEvents(test.database, [{ account, at, quantity, ...rest, route: `/${hour}` }]);
    }
  }
});
afterAll(() => test.close());

describe('meters that are not added up', () => {
  it.each([
    ['max', 9 + 8, [9 + 1, 0, 3 + 8]],
    ['last', 3 + 7, [9 + 1, 0, 3 + 7]],
    ['sum', 33, [15, 0, 18]],
  ] as const)('are told as %s of each account, and as the sum of accounts', async (aggregation, whole, hours) => {
    const { connection } = test.database;
    const [total] = await sumUse(connection, scope, { span, by: {} });
    expect(figuresOf(total, meter(aggregation)).quantity).toBe(whole);
    const slots = await sumUse(connection, scope, { span, by: { slot: 'hour' } });
    const shown = slotsOf(slots, meter(aggregation), { ...span, by: 'hour' });
    expect(shown.map(({ quantity }) => quantity)).toEqual(hours);
  });

  it('rank customers by what is counted', async () => {
    const first = async (by: 'quantity' | 'peak' | 'last') =>
      (await topCustomers(test.database.connection, scope, { span, by, limit: 1 })).map(({ customer }) => customer);
    expect(await Promise.all([first('quantity'), first('peak'), first('last')])).toEqual([
      ['cust_ada'],
      ['cust_ada'],
      ['cust_bob'],
    ]);
  });
});
