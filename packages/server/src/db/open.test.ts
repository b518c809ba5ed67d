import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createCollectingLog } from '../../test/support/ports.ts';
import type { Transaction } from './database.ts';
import { outsideTransactions } from './transaction-guard.ts';

const options = { actor: { type: 'system', id: null } } as const;
const log = createCollectingLog();
let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase({ log });
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.connection.deleteFrom('settings').execute();
});

async function put(transaction: Transaction, key: string, value: unknown): Promise<void> {
  const row = { key, value: JSON.stringify(value), updated_at: new Date() };
  await transaction.connection.insertInto('settings').values(row).execute();
}

const keys = async () =>
  (await test.database.connection.selectFrom('settings').select('key').execute()).map((row) => row.key);

describe('a transaction', () => {
  it('is there after it resolves, and its actions after a commit have run', async () => {
    const seen: string[] = [];
    await test.database.transaction(options, async (transaction) => {
      transaction.afterCommit(() => seen.push('committed'));
      await put(transaction, 'one', 1);
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual(['committed']);
    expect(await keys()).toEqual(['one']);
  });

  it('leaves nothing and runs no action when its work throws', async () => {
    const seen: string[] = [];
    const failing = test.database.transaction(options, async (transaction) => {
      transaction.afterCommit(() => seen.push('committed'));
      await put(transaction, 'one', 1);
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(seen).toEqual([]);
    expect(await keys()).toEqual([]);
  });

  it('starts again after a serialization failure, three times at most, and only its last attempt counts', async () => {
    let attempts = 0;
    const seen: number[] = [];
    await test.database.transaction(options, async (transaction) => {
      attempts += 1;
      const mine = attempts;
      transaction.afterCommit(() => seen.push(mine));
      await put(transaction, `attempt-${mine}`, mine);
      if (mine < 4)
        await sql`DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$`.execute(transaction.connection);
    });
    expect(seen).toEqual([4]);
    expect(await keys()).toEqual(['attempt-4']);

    attempts = 0;
    const hopeless = test.database.transaction(options, async (transaction) => {
      attempts += 1;
      await sql`DO $$ BEGIN RAISE EXCEPTION 'dead' USING ERRCODE = '40P01'; END $$`.execute(transaction.connection);
    });
    await expect(hopeless).rejects.toThrow('dead');
    expect(attempts).toBe(4);
  });

  it('does not start again after any other error', async () => {
    await test.database.transaction(options, (transaction) => put(transaction, 'one', 1));
    let attempts = 0;
    const failing = test.database.transaction(options, async (transaction) => {
      attempts += 1;
      await put(transaction, 'one', 2);
    });
    await expect(failing).rejects.toThrow(/duplicate key/);
    expect(attempts).toBe(1);
  });

  it('stands even if an action after its commit throws, and the log tells', async () => {
    await test.database.transaction(options, async (transaction) => {
      transaction.afterCommit(() => {
        throw new Error('late');
      });
      await put(transaction, 'one', 1);
    });
    expect(await keys()).toEqual(['one']);
    expect(log.lines.map((line) => line.message)).toContain('an action after a commit threw');
  });
});

describe('inside an open transaction', () => {
  it.each([
    ['a query of the pool', () => keys()],
    ['another transaction', () => test.database.transaction(options, async () => {})],
    ['listening', () => test.database.listen('latchkey_work', () => {})],
  ])('%s is refused at once instead of waiting for ever', async (_, mistake) => {
    const mistaken = test.database.transaction(options, async () => {
      await mistake();
    });
    await expect(mistaken).rejects.toThrow(/inside an open transaction/);
  });

  it('work that was started outside of it may query once the connection is free', async () => {
    let started: Promise<string[]> | undefined;
    await test.database.transaction(options, async (transaction) => {
      await put(transaction, 'one', 1);
      started = outsideTransactions(() => keys());
    });
    expect(await started).toEqual(test.database.engine === 'pglite' ? ['one'] : expect.any(Array));
  });

  it('what it leaves to run after its end may query', async () => {
    let later: (() => Promise<string[]>) | undefined;
    await test.database.transaction(options, async (transaction) => {
      later = () => keys();
      await put(transaction, 'one', 1);
      transaction.afterCommit(() => void later?.());
    });
    expect(await later?.()).toEqual(['one']);
  });
});

describe('values', () => {
  it('keeps what a bigint holds as a number, and refuses one that a number cannot hold', async () => {
    const read = async (text: string) =>
      (await sql<{ value: number }>`SELECT ${text}::bigint AS value`.execute(test.database.connection)).rows[0]?.value;
    expect(await read('9007199254740991')).toBe(9_007_199_254_740_991);
    await expect(read('9007199254740993')).rejects.toThrow(/beyond 2\^53/);
    // The connection is not spoilt by it.
    expect(await read('1')).toBe(1);
  });

  it('reads times, bytes, JSON and lists as it wrote them', async () => {
    const row = {
      id: 'key_1',
      name: 'name',
      hash: new Uint8Array([0, 1, 254, 255]),
      hint: 'x',
      scopes: ['a,b', 'c"d', ''],
      created_at: new Date('2026-01-01T00:00:00.123Z'),
    };
    await test.database.connection.insertInto('api_keys').values(row).execute();
    const read = await test.database.connection.selectFrom('api_keys').selectAll().executeTakeFirstOrThrow();
    expect({ ...read, hash: new Uint8Array(read.hash) }).toMatchObject(row);
    await test.database.transaction(options, (transaction) => put(transaction, 'json', { a: [1, 'ü', null] }));
    const setting = await test.database.connection.selectFrom('settings').select('value').executeTakeFirstOrThrow();
    expect(setting.value).toEqual({ a: [1, 'ü', null] });
  });

  it('lives in UTC', async () => {
    const { rows } = await sql<{ zone: string }>`SELECT current_setting('TimeZone') AS zone`.execute(
      test.database.connection,
    );
    expect(rows[0]?.zone).toBe('UTC');
  });
});

describe('a notice', () => {
  it('reaches every listener of its channel with the commit, and not at all without one', async () => {
    const heard: string[] = [];
    let arrived = () => {};
    const last = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const stop = await test.database.listen('latchkey_work', (payload) => {
      heard.push(payload);
      if (payload === 'last') arrived();
    });
    const undone = test.database.transaction(options, async (transaction) => {
      await transaction.notify('latchkey_work', 'undone');
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    await test.database.transaction(options, async (transaction) => {
      await transaction.notify('latchkey_license', 'elsewhere');
      await transaction.notify('latchkey_work', 'first');
      expect(heard).toEqual([]);
    });
    await test.database.transaction(options, (transaction) => transaction.notify('latchkey_work', 'last'));
    await last;
    expect(heard).toEqual(['first', 'last']);
    await stop();
  });

  it('may query the database from its listener', async () => {
    const answered = new Promise<string[]>((resolve, reject) => {
      void test.database
        .listen('latchkey_clock', () => keys().then(resolve, reject))
        .then(() =>
          test.database.transaction(options, async (transaction) => {
            await put(transaction, 'one', 1);
            await transaction.notify('latchkey_clock', '');
          }),
        );
    });
    expect(await answered).toEqual(['one']);
  });
});
