import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createMonths } from './months.ts';
import { makeMonths } from './repository.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());

const NOW = new Date('2026-11-21T12:00:00Z');

async function tables(): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT relname AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'usage_months' AND relkind = 'r' ORDER BY relname`.execute(test.database.connection);
  return rows.map(({ name }) => name);
}

describe('the months of events', () => {
  it('are made ahead, once, and ids are forgotten that cannot come again, while events stay', async () => {
    await makeMonths(
      test.database.connection,
      ['2026-07-31T23:59:59.999Z', '2026-08-01T00:00:00Z', '2026-09-15T00:00:00Z', '2026-10-01T00:00:00Z'].map(
        (at) => new Date(at),
      ),
    );
    const months = createMonths({
      database: test.database,
      clock: { now: () => NOW, wall: () => NOW },
      ledger: { make: async () => {} },
    });
    await months.keep();
    await months.keep();
    expect(await tables()).toEqual([
      ...['events_2026_07', 'events_2026_08', 'events_2026_09', 'events_2026_10', 'events_2026_11', 'events_2026_12'],
      // An event of October 17th may come again today; what arrived with it is known since October at least.
      ...['ids_2026_09', 'ids_2026_10', 'ids_2026_11', 'ids_2026_12'],
    ]);
  });
});
