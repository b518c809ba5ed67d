import { randomInt } from 'node:crypto';
import { LatchkeyError, type LedgerOperation, type LedgerOutcome, proveBalance } from '@latchkey/core';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProcess } from '../../../../../test/support/processes.ts';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLedgerAccount, granted, recount } from '../../../test/support/ledger.ts';
import type { OpenedDatabase } from '../../db/engine.ts';
import { openDatabase } from '../../db/open.ts';
import { silentLog } from '../../observability/log.ts';
import { applyBatch } from './batch-repository.ts';
import { readAccounts, readJournal } from './rows-repository.ts';
import { createLedgerWriter, type LedgerWriter } from './writer.ts';

const CALLERS = 500;
const BALANCE = 100;
const ROUNDS = process.env.LATCHKEY_TEST_LONG === undefined ? 6 : 100;
const LONGEST_MS = 300_000;

let test: TestDatabase;
/** What three server processes would have: each its own pool and its own writer. */
let processes: { database: OpenedDatabase; writer: LedgerWriter }[];
let accounts = 0;

beforeAll(async () => {
  test = await createTestDatabase({ poolSize: 4 });
  processes = await Promise.all(
    [0, 1, 2].map(async () => {
      const database = await openDatabase({ databaseUrl: test.url, dataDir: null, log: silentLog, poolSize: 4 });
      // Small batches, so that the three take turns often.
      const writer = createLedgerWriter({
        database,
        log: silentLog,
        apply: applyBatch,
        batchSize: 20,
        deadlineMs: 30_000,
      });
      return { database, writer };
    }),
  );
});

afterAll(async () => {
  for (const { database } of processes ?? []) await database.close();
  await test?.close();
});

async function accountWith(amount: number): Promise<string> {
  accounts += 1;
  const account = await createLedgerAccount(test.database.connection, `cust_race_${accounts}`);
  await submit(0, granted(account, 'all', amount));
  return account;
}

function submit(caller: number, operation: LedgerOperation): Promise<LedgerOutcome> {
  const chosen = processes[caller % processes.length];
  if (chosen === undefined) throw new Error('there is no process');
  return chosen.writer.submit(operation);
}

/** The account, compared with its journal: by core's proof, and by a sum in SQL that knows nothing of core. */
async function proven(account: string) {
  const { connection } = test.database;
  const [stored] = await readAccounts(connection, { which: { ids: [account] }, depth: 'whole' });
  const transfers = await readJournal(connection, { account, after: 0, limit: 10_000 });
  if (stored === undefined) throw new Error('there is no account');
  const journal = transfers.map((transfer) => ({ account, transfer }));
  expect(proveBalance(journal, [stored.account])).toEqual([]);
  const counted = await recount(connection, account);
  const { available, reserved, used } = stored.account.balance;
  expect({ available, reserved, used }).toEqual({
    available: counted.available,
    reserved: counted.held,
    used: counted.used,
  });
  return counted;
}

const count = (outcomes: readonly LedgerOutcome[], code: string) => outcomes.filter((one) => one.code === code).length;
const everyone = <T>(work: (caller: number) => Promise<T>) =>
  Promise.all(Array.from({ length: CALLERS }, (_, caller) => work(caller)));

describe(`${CALLERS} callers over three processes on a balance of ${BALANCE}`, () => {
  it(
    `use exactly ${BALANCE}, in each of ${ROUNDS} rounds`,
    async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const account = await accountWith(BALANCE);
        const outcomes = await everyone((caller) =>
          submit(caller, { type: 'consume', account, key: `use-${caller}`, amount: 1, at: 1 }),
        );
        expect([count(outcomes, 'done'), count(outcomes, 'insufficient')]).toEqual([BALANCE, CALLERS - BALANCE]);
        expect(await proven(account)).toMatchObject({ used: BALANCE, available: 0 });
      }
    },
    LONGEST_MS,
  );

  it('are charged once for an operation that all of them send', async () => {
    const account = await accountWith(BALANCE);
    const outcomes = await everyone((caller) =>
      submit(caller, { type: 'consume', account, key: 'the-one', amount: 7, at: 1 }),
    );
    expect([count(outcomes, 'done'), count(outcomes, 'exists')]).toEqual([1, CALLERS - 1]);
    expect(await proven(account)).toMatchObject({ used: 7 });
  });

  it('add a purchase once, however many report it, in transactions of their own', async () => {
    const account = await accountWith(1);
    const reports = await Promise.all(
      Array.from({ length: 40 }, (_, caller) => {
        const database = processes[caller % 3]?.database ?? test.database;
        return database.transaction({ actor: { type: 'system', id: 'test' } }, (transaction) =>
          applyBatch(transaction, [granted(account, 'purchase:cs_1', 20)]),
        );
      }),
    );
    expect(count(reports.flat(), 'done')).toBe(1);
    expect(await proven(account)).toMatchObject({ granted: 21, available: 21 });
  });

  it(
    `never hold or use more than ${BALANCE} with reservations that are used, given back or forgotten, in ${ROUNDS} rounds`,
    async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const account = await accountWith(BALANCE);
        const endings = await everyone(async (caller) => {
          const reservation = `rsv_${account}_${caller}`;
          const at = 1 + randomInt(20);
          const base = { account, at, reservation };
          const held = await submit(caller, {
            type: 'reserve',
            ...base,
            key: `hold-${caller}`,
            amount: 1,
            expiresAt: at + 5,
          });
          if (held.code !== 'done') return held.code;
          const ending = randomInt(3);
          if (ending === 0) return 'forgotten';
          const type = ending === 1 ? 'post' : 'void';
          const { code } = await submit(caller + 1, { type, ...base, key: `end-${caller}`, at: at + randomInt(8) });
          return code === 'done' ? type : code;
        });
        const posted = endings.filter((ending) => ending === 'post').length;
        expect(posted).toBeLessThanOrEqual(BALANCE);
        const before = await proven(account);
        expect(before.used).toBe(posted);
        expect(before.available).toBe(BALANCE - posted - before.held);
        // Later, everything that nobody used has come back, and can be used to the last unit and not further.
        const rest = await everyone((caller) =>
          submit(caller, { type: 'consume', account, key: `rest-${caller}`, amount: 1, at: 1_000 }),
        );
        expect(count(rest, 'done')).toBe(BALANCE - posted);
        expect(await proven(account)).toMatchObject({ used: BALANCE, available: 0, held: 0 });
      }
    },
    LONGEST_MS,
  );
});

describe('connections that are cut in the middle of batches', () => {
  it('leave a balance that is what its journal says, with every answered use in it, and no use twice', async () => {
    const account = await accountWith(BALANCE * 10);
    const killer = new pg.Client({ connectionString: test.url ?? '' });
    await killer.connect();
    let answered = 0;
    let cuts = 0;
    const cut = async () => {
      const { rowCount } = await killer.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'latchkey' AND state <> 'idle' AND pid <> pg_backend_pid()`,
      );
      cuts += rowCount ?? 0;
    };
    const use = (caller: number): Promise<LedgerOutcome | 'unknown'> =>
      submit(caller, { type: 'consume', account, key: `use-${caller}`, amount: 1, at: 1 }).then(
        async (outcome) => {
          answered += 1;
          if (answered % 40 === 0) await cut();
          return outcome;
        },
        (error: unknown) => {
          if (error instanceof LatchkeyError) throw error;
          return 'unknown' as const;
        },
      );
    // While the first of them wait for the account, nothing is lost by cutting off whoever holds it.
    const lock = new pg.Client({ connectionString: test.url ?? '' });
    await lock.connect();
    await lock.query('BEGIN');
    await lock.query('SELECT FROM ledger_accounts WHERE id = $1 FOR UPDATE', [account]);
    const first = everyone(use);
    while (cuts === 0) await cut();
    await lock.query('ROLLBACK');
    const outcomes = await first;
    await lock.end();
    await killer.end();
    expect(outcomes).toContain('unknown');
    const again = await everyone((caller) =>
      submit(caller + 1, { type: 'consume', account, key: `use-${caller}`, amount: 1, at: 1 }),
    );
    const known = outcomes.flatMap((outcome) => (outcome === 'unknown' ? [] : [outcome.code]));
    expect(known.every((code) => code === 'done' || code === 'exists')).toBe(true);
    expect(again.every(({ code }) => code === 'done' || code === 'exists')).toBe(true);
    for (const [caller, outcome] of outcomes.entries())
      if (outcome !== 'unknown') expect(again[caller]?.code).toBe('exists');
    expect(await proven(account)).toMatchObject({ used: CALLERS });
  });
});

describe('three processes of which one is killed in the middle', () => {
  it(
    'leave a balance of what was granted, less what was used and what is held, and nothing that was answered is lost',
    async () => {
      const granted = 10_000;
      const account = await accountWith(granted);
      const started = ['one', 'two', 'three'].map((name) =>
        startProcess({
          file: 'test/support/fixtures/ledger-writer.ts',
          env: { DATABASE_URL: test.url ?? '', ACCOUNT: account, NAME: name },
        }),
      );
      const [first, victim, last] = started;
      if (first === undefined || victim === undefined || last === undefined) throw new Error('no process was started');
      await victim.waitForLine(/^line two-\d+\/20 /, LONGEST_MS);
      expect((await victim.kill()).signal).toBe('SIGKILL');
      await Promise.all([first, last].map((one) => one.waitForLine(/^finished$/, LONGEST_MS)));
      expect(victim.output()).not.toContain('finished');

      const before = await proven(account);
      const transfers = await readJournal(test.database.connection, { account, after: 0, limit: 10_000 });
      const written = new Set(transfers.map(({ key }) => key));
      const answered = started.flatMap((one) => [...one.output().matchAll(/^line (\S+) (?:\w+-)?done$/gm)]);
      expect(answered.length).toBeGreaterThan(1_000);
      for (const [, key = ''] of answered) expect(written).toContain(key);
      expect(before.available).toBe(granted - before.used - before.held);
      // What the killed one and the others left held comes back, and what was used stays used.
      const rest = await submit(0, { type: 'consume', account, key: 'rest', amount: granted - before.used, at: 1_000 });
      expect(rest).toMatchObject({ code: 'done', available: 0 });
      expect(await proven(account)).toMatchObject({ used: granted, held: 0, available: 0 });
    },
    LONGEST_MS,
  );
});
