import type { UsageEvent } from '@latchkey/core';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { columnsOf } from './event-columns.ts';

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
    at: fc.integer({ min: 0, max: 2_000_000_000_000 }),
    receivedAt: fc.constant(0),
    quantity: fc.maxSafeInteger(),
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
  it('are read by the database as what they are, whatever is written in them', async () => {
    await fc.assert(
      fc.asyncProperty(events, async (some) => {
        const columns = columnsOf(some);
        const { rows } = await sql<Record<string, unknown>>`
          SELECT (${columns.accounts}::text[])[of] AS account, id, at, quantity, lapsed, rate, operation, route, duration, details
          FROM unnest(${columns.account}::integer[], ${columns.ids}::text[], ${columns.happened}::bigint[],
            ${columns.quantities}::bigint[], ${columns.lapseds}::bigint[], ${columns.rates}::text[],
            ${columns.operations}::text[], ${columns.routes}::text[], ${columns.durations}::integer[],
            ${columns.details}::text[]) AS event (of, id, at, quantity, lapsed, rate, operation, route, duration, details)
        `.execute(test.database.connection);
        expect(rows).toEqual(
          some.map(({ account, id, at, quantity, lapsed, rate, operation, details }) => ({
            ...{ account, id, at, quantity, lapsed: lapsed === 0 ? null : lapsed, rate, operation },
            ...{ route: details.route, duration: details.durationMs },
            details: details.properties === null ? null : JSON.stringify(details.properties),
          })),
        );
      }),
      { numRuns: 60 },
    );
  });
});
