import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { silentLog } from '../../observability/log.ts';
import { makeMonths } from './repository.ts';
import { createUsageRetention } from './retention.ts';
import { eventsKeptFrom, holdEvents } from './retention-repository.ts';

const NOW = new Date('2026-09-15T12:00:00Z');

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());

it('drops no month while its hours are compared with its events or counted anew, and gives up soon', async () => {
  const { database } = test;
  await makeMonths(database.connection, [new Date('2026-01-10T00:00:00Z')]);
  const clock = { now: () => NOW, wall: () => NOW };
  const { dropEvents } = createUsageRetention({ database, clock, log: silentLog, keepMonths: 3 });
  const held = Promise.withResolvers<void>();
  const compared = Promise.withResolvers<void>();
  const comparing = database.transaction({ actor: { type: 'system', id: 'test' } }, async ({ connection }) => {
    await holdEvents(connection);
    held.resolve();
    await compared.promise;
  });
  await held.promise;
  await expect(dropEvents()).rejects.toThrow('lock timeout');
  expect(await eventsKeptFrom(database.connection)).toBe(null);
  compared.resolve();
  await comparing;
  expect(await dropEvents()).toBe(1);
  expect(await eventsKeptFrom(database.connection)).toEqual(new Date('2026-02-01T00:00:00Z'));
});
