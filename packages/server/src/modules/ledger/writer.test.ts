import { LatchkeyError, type LedgerOperation } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLedgerAccount, granted, recount } from '../../../test/support/ledger.ts';
import { createCollectingLog } from '../../../test/support/ports.ts';
import { applyBatch } from './batch-repository.ts';
import { createLedgerWriter, type LedgerWriterOptions } from './writer.ts';

let test: TestDatabase;
let accounts = 0;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());

/** A writer that notes how many operations each of its transactions had, and an account that holds so much. */
async function start(amount: number, options: Partial<LedgerWriterOptions> = {}) {
  accounts += 1;
  const account = await createLedgerAccount(test.database.connection, `cust_${accounts}`);
  const log = createCollectingLog();
  const batches: number[] = [];
  const writer = createLedgerWriter({
    database: test.database,
    log,
    apply(transaction, operations) {
      batches.push(operations.length);
      return applyBatch(transaction, operations);
    },
    ...options,
  });
  await writer.submit(granted(account, 'all', amount));
  batches.length = 0;
  const use = (key: string, amount = 1): LedgerOperation => ({ type: 'consume', account, key, amount, at: 1 });
  return { account, writer, batches, use, log };
}

/** Holds what every write waits for, until it is released. */
async function block(account: string): Promise<() => Promise<void>> {
  let release = (): void => {};
  let locked = (): void => {};
  const isLocked = new Promise<void>((resolve) => {
    locked = resolve;
  });
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const transaction = test.database.transaction({ actor: { type: 'system', id: 'test' } }, async ({ connection }) => {
    await connection.selectFrom('ledger_accounts').select('id').where('id', '=', account).forUpdate().execute();
    locked();
    await held;
  });
  await isLocked;
  return async () => {
    release();
    await transaction;
  };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof LatchkeyError ? error.code : String(error)),
  );

describe('operations of many callers at once', () => {
  it('share transactions, and each is answered with what became of it', async () => {
    const { writer, batches, use } = await start(60, { batchSize: 40 });
    const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => writer.submit(use(`use-${index}`))));
    expect(answers.map(({ code }) => code)).toEqual([
      ...Array.from({ length: 60 }, () => 'done'),
      ...Array.from({ length: 40 }, () => 'insufficient'),
    ]);
    expect(batches).toEqual([40, 40, 20]);
  });

  it('wait for nobody when they are alone', async () => {
    const { writer, batches, use } = await start(2);
    await writer.submit(use('first'));
    await writer.submit(use('second'));
    expect(batches).toEqual([1, 1]);
  });

  it('are answered after their commit, and not before', async () => {
    const { account, writer, use } = await start(10);
    await writer.submit(use('use', 4));
    expect(await recount(test.database.connection, account)).toMatchObject({ available: 6, used: 4 });
  });

  it('do not fail with one of them that cannot be written', async () => {
    const { account, writer, use, log } = await start(10);
    const poison = granted('customer/cust_nobody/shop/calls', 'poison', 1);
    const [first, failed, last] = await Promise.allSettled([
      writer.submit(use('first')),
      writer.submit(poison),
      writer.submit(use('last')),
    ]);
    expect(first).toMatchObject({ status: 'fulfilled', value: { code: 'done' } });
    expect(failed.status).toBe('rejected');
    expect(last).toMatchObject({ status: 'fulfilled', value: { code: 'done' } });
    expect(await recount(test.database.connection, account)).toMatchObject({ used: 2 });
    expect(log.lines.map(({ level }) => level)).toEqual(['warn']);
  });

  it('are refused at once when too many wait, and the others go on', async () => {
    const { account, writer, use } = await start(10, { batchSize: 1, queueSize: 2 });
    const release = await block(account);
    const begun = writer.submit(use('begun'));
    // The writer takes the first from the queue before the next ones come.
    await Promise.resolve();
    await Promise.resolve();
    const waiting = [writer.submit(use('second')), writer.submit(use('third'))];
    const refused = await codeOf(writer.submit(use('fourth')));
    await release();
    expect(refused).toBe('overloaded');
    expect((await Promise.all([begun, ...waiting])).map(({ code }) => code)).toEqual(['done', 'done', 'done']);
    expect(await recount(test.database.connection, account)).toMatchObject({ used: 3 });
  });

  it('are given up when their time is over, and the same again tells whether they were done', async () => {
    const { account, writer, use } = await start(10, { batchSize: 1, deadlineMs: 30 });
    const release = await block(account);
    const late = await Promise.all([codeOf(writer.submit(use('begun'))), codeOf(writer.submit(use('waiting')))]);
    expect(late).toEqual(['unavailable', 'unavailable']);
    await release();
    await writer.settled();
    const patient = createLedgerWriter({ database: test.database, log: createCollectingLog(), apply: applyBatch });
    // The first had been begun; the second waited, and was not begun any more.
    expect((await patient.submit(use('begun'))).code).toBe('exists');
    expect((await patient.submit(use('waiting'))).code).toBe('done');
    expect(await recount(test.database.connection, account)).toMatchObject({ used: 2 });
  });
});
