/** Several processes, each with a pool of its own, change the keys of one PostgreSQL. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import type { OpenedDatabase } from '../../db/engine.ts';
import { openDatabase } from '../../db/open.ts';
import { silentLog } from '../../observability/log.ts';
import { createAudit } from '../audit/index.ts';
import { createSigning, type Signing } from './index.ts';

const PROCESSES = 3;
const ROTATIONS = 10;
let test: TestDatabase;
const databases: OpenedDatabase[] = [];

beforeAll(async () => {
  test = await createTestDatabase();
  for (let process = 0; process < PROCESSES; process += 1) {
    databases.push(await openDatabase({ databaseUrl: test.url, dataDir: null, log: silentLog, poolSize: 5 }));
  }
});
afterAll(async () => {
  for (const database of databases) await database.close();
  await test?.close();
});

const start = (database: OpenedDatabase, process: number) => {
  const ports = createTestPorts({ seed: `process ${process}` });
  return createSigning({ ...ports, database, audit: createAudit(ports) });
};
const rows = () => test.database.connection.selectFrom('signing_keys').select(['id', 'status']).execute();

it('processes that start at once on an empty database agree on one key', async () => {
  const started = await Promise.all(databases.map(start));
  expect(new Set(started.map((each) => each.current().id)).size).toBe(1);
  expect(await rows()).toHaveLength(1);
});

it('rotations and revocations at once end with one key that signs, and every process uses it', async () => {
  const processes = await Promise.all(databases.map(start));
  const stops = await Promise.all(processes.map((each) => each.follow()));
  const write = <T>(
    process: number,
    work: (signing: Signing) => (transaction: Parameters<Signing['rotate']>[0]) => Promise<T>,
  ) => {
    const [database, signing] = [databases[process], processes[process]];
    if (database === undefined || signing === undefined) throw new Error('no such process');
    return database.transaction({ actor: { type: 'system', id: 'test' } }, work(signing));
  };
  await Promise.all(
    Array.from({ length: ROTATIONS * PROCESSES }, (_, index) =>
      write(
        index % PROCESSES,
        (signing) => (transaction) =>
          index % 5 === 0 ? signing.revoke(transaction, signing.current().id) : signing.rotate(transaction),
      ),
    ),
  );
  const active = (await rows()).filter(({ status }) => status === 'active');
  expect(active).toHaveLength(1);
  await expect.poll(() => processes.map((each) => each.current().id)).toEqual(processes.map(() => active[0]?.id));
  for (const stop of stops) await stop();
});
