import { randomUUID } from 'node:crypto';
import { dayMs, type UsageEvent } from '@latchkey/core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { makeMonths, writeUsage } from './repository.ts';

const MONTH = Date.UTC(2026, 5, 1);

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());

const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((one) => !one.includes('\u0000'));

const events: fc.Arbitrary<UsageEvent[]> = fc.array(
  fc.record({
    id: fc.oneof(text, fc.constantFrom('NULL', '{}', '"', '\\', ',', ' ')),
    account: fc.constantFrom('license/a/p/m', 'license/b/p/m'),
    at: fc.oneof(fc.constant(MONTH), fc.integer({ min: MONTH, max: MONTH + 29 * dayMs })),
    receivedAt: fc.constant(MONTH),
    quantity: fc.oneof(fc.constant(1), fc.maxSafeNat()),
    covered: fc.nat(),
    overage: fc.nat(),
    uncovered: fc.nat(),
    lapsed: fc.nat({ max: 2 }),
    rate: fc.option(text),
    operation: fc.option(text),
    reverses: fc.option(text),
    details: fc.record({
      method: fc.option(text),
      route: fc.option(text),
      durationMs: fc.option(fc.nat()),
      status: fc.option(fc.nat()),
      properties: fc.option(fc.dictionary(text, text)),
    }),
  }),
  { minLength: 1, maxLength: 10 },
);

describe('events as columns', () => {
  it('are written as what they are, whatever they say and however alike they are', async () => {
    const { database } = test;
    const back = new Error('nothing stays');
    await fc.assert(
      fc.asyncProperty(events, async (some) => {
        let rows: unknown[] = [];
        const writing = database.transaction({ actor: { type: 'system', id: null } }, async ({ connection }) => {
          await makeMonths(connection, [new Date(MONTH)]);
          const changes = {
            events: some,
            aliases: [],
            reversed: new Map(),
            windows: [],
            overages: [],
            reservations: [],
            crossings: [],
          };
          const digests = some.map(() => randomUUID().replaceAll('-', ''));
          await writeUsage(connection, changes, { digests, now: new Date(MONTH) });
          rows = await connection.selectFrom('usage_events').selectAll().execute();
          throw back;
        });
        await expect(writing).rejects.toBe(back);
        expect(sorted(rows)).toEqual(sorted(some.map(rowOf)));
      }),
      { numRuns: 150 },
    );
  });
});

function rowOf({
  id,
  account,
  at,
  quantity,
  covered,
  overage,
  uncovered,
  lapsed,
  details,
  ...rest
}: UsageEvent): object {
  const { rate, operation, reverses } = rest;
  const { method, route, durationMs, status, properties } = details;
  return {
    ...{
      id,
      account_id: account,
      at: new Date(at),
      received_at: new Date(MONTH),
      quantity,
      covered,
      overage,
      uncovered,
    },
    ...{
      lapsed: lapsed === 0 ? null : lapsed,
      rate,
      operation,
      reverses,
      method,
      route,
      duration_ms: durationMs,
      status,
    },
    properties,
  };
}

/** In the order of their texts, for a table has none. */
function sorted(rows: readonly unknown[]): unknown[] {
  const text = (row: unknown) =>
    JSON.stringify(Object.entries(row as object).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  return rows.toSorted((one, other) => (text(one) < text(other) ? -1 : 1));
}
