import {
  applyOperations,
  type LedgerAccount,
  type LedgerOperation,
  type LedgerState,
  proveBalance,
} from '@latchkey/core';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLedgerAccount, granted, recount } from '../../../test/support/ledger.ts';
import { applyBatch } from './batch-repository.ts';
import { readAccounts, readJournal } from './rows-repository.ts';

let test: TestDatabase;
let accounts = 0;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());

const actor = { type: 'system', id: 'test' } as const;
const run = (...operations: LedgerOperation[]) =>
  test.database.transaction({ actor }, (transaction) => applyBatch(transaction, operations));

async function newAccount(): Promise<string> {
  accounts += 1;
  return createLedgerAccount(test.database.connection, `cust_${accounts}`);
}

/** An account as it is stored, with every lot and reservation, and its journal. */
async function stored(account: string) {
  const [found] = await readAccounts(test.database.connection, { which: { ids: [account] }, depth: 'whole' });
  const transfers = await readJournal(test.database.connection, { account, after: 0, limit: 1_000 });
  return { account: found?.account, journal: transfers.map((transfer) => ({ account, transfer })) };
}

function comparable({ version, balance, lots }: LedgerAccount) {
  return { version, balance, lots: [...lots.values()].sort((one, other) => one.number - other.number) };
}

const amount = fc.integer({ min: 1, max: 12 });
const key = fc.integer({ min: 0, max: 30 }).map((number) => `k${number}`);
const asked = fc.oneof(
  fc.record({
    type: fc.constant('grant' as const),
    amount,
    source: fc.constantFrom('included' as const, 'purchased' as const),
    expiresAt: fc.option(fc.integer({ min: 0, max: 30 }), { nil: null }),
  }),
  fc.record({
    type: fc.constant('consume' as const),
    amount,
    whenShort: fc.constantFrom('refuse' as const, 'take' as const),
  }),
  fc.record({
    type: fc.constant('reserve' as const),
    reservation: key,
    amount,
    expiresAt: fc.integer({ min: 0, max: 30 }),
  }),
  fc.record({ type: fc.constant('post' as const), reservation: key }),
  fc.record({ type: fc.constant('post' as const), reservation: key, amount }),
  fc.record({ type: fc.constant('void' as const), reservation: key }),
  fc.record({ type: fc.constant('clawback' as const), lot: key }),
  fc.record({ type: fc.constant('correct' as const), amount }),
  fc.record({ type: fc.constant('reverse' as const), of: key, amount }),
  fc.record({ type: fc.constant('reverse' as const), of: key }),
);
const batches = fc.array(fc.array(fc.tuple(fc.nat(1), key, asked), { maxLength: 12, size: 'max', minLength: 1 }), {
  maxLength: 8,
  size: 'max',
  minLength: 1,
});

describe('a batch over the database', () => {
  it('answers and leaves what the model does, batch after batch', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (all) => {
        const names = [await newAccount(), await newAccount()];
        let model: LedgerState = new Map();
        let at = 0;
        for (const batch of all) {
          at += 3;
          const operations = batch.map(([which, name, what]) => {
            const account = names[which] ?? '';
            // A reservation's id is the whole database's.
            const reservation = 'reservation' in what ? { reservation: `${account}/${what.reservation}` } : {};
            return { account, key: name, at, ...what, ...reservation } as LedgerOperation;
          });
          const expected = applyOperations(model, operations);
          expect(await run(...operations)).toEqual(expected.outcomes);
          model = expected.state;
        }
        for (const name of names) {
          const kept = model.get(name);
          const { account, journal } = await stored(name);
          if (kept === undefined) expect(journal).toEqual([]);
          else {
            if (account === undefined) throw new Error('the account was not stored');
            expect(comparable(account)).toEqual(comparable(kept));
            expect(journal.map(({ transfer }) => transfer)).toEqual(
              [...kept.transfers.values()].flat().sort((one, other) => one.number - other.number),
            );
            expect(proveBalance(journal, [account])).toEqual([]);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('leaves nothing behind when its transaction does not commit', async () => {
    const account = await newAccount();
    await run(granted(account, 'first', 10));
    const failing = test.database.transaction({ actor }, async (transaction) => {
      await applyBatch(transaction, [
        { type: 'consume', account, key: 'use', amount: 4, at: 1 },
        { type: 'reserve', account, key: 'hold', amount: 4, at: 1, reservation: 'rsv_lost', expiresAt: 9 },
      ]);
      throw new Error('broken in the middle');
    });
    await expect(failing).rejects.toThrow('broken in the middle');
    expect(await recount(test.database.connection, account)).toMatchObject({ available: 10, used: 0, held: 0 });
    const { account: after, journal } = await stored(account);
    expect(after?.balance).toMatchObject({ available: 10, reserved: 0, used: 0 });
    expect(proveBalance(journal, after === undefined ? [] : [after])).toEqual([]);
  });

  it('is refused by the database itself where a balance would fall below zero or not add up', async () => {
    const account = await newAccount();
    await run(granted(account, 'first', 10));
    const { connection } = test.database;
    const set = (change: object) =>
      connection.updateTable('ledger_accounts').set(change).where('id', '=', account).execute();
    await expect(set({ available: -1, used: 11 })).rejects.toThrow(/check constraint/);
    await expect(set({ available: 11 })).rejects.toThrow(/check constraint/);
    const lots = connection.updateTable('ledger_lots').set({ remaining: 11 }).where('account_id', '=', account);
    await expect(lots.execute()).rejects.toThrow(/check constraint/);
  });

  it('cannot be rewritten: the journal takes neither a change nor a deletion', async () => {
    const account = await newAccount();
    await run(granted(account, 'first', 10));
    const { connection } = test.database;
    await expect(
      sql`UPDATE ledger_transfers SET amount = 1 WHERE account_id = ${account}`.execute(connection),
    ).rejects.toThrow(/only ever added to/);
    await expect(sql`DELETE FROM ledger_transfers WHERE account_id = ${account}`.execute(connection)).rejects.toThrow(
      /only ever added to/,
    );
    await expect(sql`TRUNCATE ledger_transfers`.execute(connection)).rejects.toThrow(/only ever added to/);
  });

  it('refuses to guess at a number that was counted beyond 2^53', async () => {
    const account = await newAccount();
    const [first, second] = await run(granted(account, 'all', Number.MAX_SAFE_INTEGER), granted(account, 'more', 1));
    expect([first?.code, second?.code]).toEqual(['done', 'too_large']);
    expect((await stored(account)).account?.balance.available).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('of an owner who is not there fails as a whole', async () => {
    await expect(run(granted('customer/cust_nobody/shop/calls', 'first', 1))).rejects.toThrow(/foreign key/);
  });
});
