import {
  accountAt,
  type Catalog,
  emptyAccount,
  LatchkeyError,
  type LedgerAccount,
  type LedgerOperation,
  type LedgerOutcome,
  type LotSource,
  type Meter,
  OWN_KEY_PREFIX,
  pendingAt,
  type Transfer,
} from '@latchkey/core';
import type { Database, Transaction } from '../../db/database.ts';
import type { Log } from '../../observability/log.ts';
import type { Clock, Ids } from '../../ports.ts';
import type { Audit } from '../audit/index.ts';
import { parseAccountId } from './account-reference.ts';
import { addAccounts, applyBatch, type LedgerNeeds, lockLedger } from './batch-repository.ts';
import { type AccountOwner, accountsOf, findAccount, type MeteredAccount } from './meters.ts';
import { assertDone, quantityOf } from './outcomes.ts';
import { proveAccounts } from './proof.ts';
import { accountOfReservation, readAccounts, readStatement } from './rows-repository.ts';
import { createLedgerWriter, type LedgerWriterOptions } from './writer.ts';

export interface LedgerOptions {
  database: Database;
  catalog: Catalog;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  log: Log;
  writer?: Pick<LedgerWriterOptions, 'batchSize' | 'queueSize' | 'deadlineMs'>;
}

/** What is asked of an account, in its meter's steps. */
interface Asked {
  account: MeteredAccount;
  amount: number;
  /** Unique in the account, for ever: the same again changes nothing. */
  key: string;
  reason?: string | undefined;
}

export interface NewGrant extends Asked {
  source: LotSource;
  expiresAt: number | null;
  priority?: number | undefined;
  period?: string | undefined;
}

/** An account as it stands, and what it counts. The meter is null for one that the catalog no longer has. */
export interface AccountBalance {
  account: LedgerAccount;
  reference: MeteredAccount['reference'];
  meter: Meter | null;
}

export type Ledger = ReturnType<typeof createLedger>;

/** Balances: given, used, held back and taken back, each once and never below zero. */
export function createLedger({ database, catalog, clock, ids, audit, log, writer: limits }: LedgerOptions) {
  const writer = createLedgerWriter({ database, log, apply: applyBatch, ...limits });
  const now = () => clock.now().getTime();

  async function applyOne(transaction: Transaction, operation: LedgerOperation): Promise<LedgerOutcome> {
    const [outcome] = await applyBatch(transaction, [operation]);
    if (outcome === undefined) throw new LatchkeyError('internal', 'The operation was left without an answer.');
    return outcome;
  }

  async function record(transaction: Transaction, action: string, asked: Asked, outcome: LedgerOutcome): Promise<void> {
    if (outcome.code !== 'done') return;
    const { owner, meter } = asked.account.reference;
    const [subjectType, subjectId] =
      'licenseId' in owner ? ['license', owner.licenseId] : ['customer', owner.customerId];
    const quantity = quantityOf(outcome.amount, asked.account.meter);
    const detail = { meter, quantity, operation_key: asked.key, reason: asked.reason };
    await audit.record(transaction, { action, subjectType, subjectId, detail });
  }

  /** Whose a reservation is. Throws `resource_missing`. */
  async function reservationAccount(id: string): Promise<MeteredAccount> {
    const account = await accountOfReservation(database.connection, id);
    if (account === null) throw new LatchkeyError('resource_missing', `There is no reservation ${id}.`);
    const { owner, product, meter } = parseAccountId(account);
    return findAccount(catalog, { owner, product }, meter);
  }

  return {
    /** The owner's account of a meter, used yet or not. Throws `meter_unknown`. */
    account: (of: AccountOwner, meter: string): MeteredAccount => findAccount(catalog, of, meter),

    /**
     * Applies operations in the caller's transaction: for what must be done with something else or not at all. Its accounts are locked
     * until that transaction ends. The outcomes say what was done; nothing is thrown for a no.
     */
    apply: (transaction: Transaction, operations: readonly LedgerOperation[]) => applyBatch(transaction, operations),

    /** Makes accounts that are not there yet, so that they can be locked. */
    make: ({ connection }: Transaction, accounts: readonly string[]) =>
      addAccounts(connection, new Map(accounts.map((id) => [id, now()]))),

    /** Accounts as they stand, by their ids, as the caller's transaction sees them; those that were never used are left out. */
    async read({ connection }: Transaction, accounts: readonly string[]): Promise<Map<string, LedgerAccount>> {
      const stored = await readAccounts(connection, { which: { ids: accounts }, depth: clock.now() });
      return new Map(stored.map(({ account }) => [account.id, account]));
    },

    /** Locks accounts in the caller's transaction, for whoever decides on amounts while operations are applied. */
    lock: (transaction: Transaction, needs: LedgerNeeds) => lockLedger(transaction, needs),

    /**
     * Applies an operation together with those of other callers, and answers after the commit. Never await it inside a transaction.
     * Throws `overloaded` and `unavailable`; the same operation may be sent again then.
     */
    submit: (operation: LedgerOperation): Promise<LedgerOutcome> => writer.submit(operation),

    /** Gives an amount, and writes down who did. Throws `operation_key_reused`, `quantity_invalid`. */
    async grant(transaction: Transaction, grant: NewGrant): Promise<LedgerOutcome> {
      const { account, amount, key, reason = null, source, priority, expiresAt, period = null } = grant;
      const operation = { key, amount, reason, source, priority, expiresAt, period, at: now() };
      const outcome = await applyOne(transaction, { type: 'grant', account: account.id, ...operation });
      await record(transaction, 'balance.granted', grant, outcome);
      return assertDone(outcome, account.meter);
    },

    /** Takes an amount away without it being used. Throws `insufficient_balance`, `operation_key_reused`. */
    async correct(transaction: Transaction, asked: Asked): Promise<LedgerOutcome> {
      const { account, amount, key, reason = null } = asked;
      const operation: LedgerOperation = { type: 'correct', account: account.id, key, amount, reason, at: now() };
      const outcome = await applyOne(transaction, operation);
      await record(transaction, 'balance.corrected', asked, outcome);
      return assertDone(outcome, account.meter);
    },

    /**
     * Takes a grant back, by its key, as far as it was not used: never more than is left of it. The outcome's `amount` is what was taken
     * of `requested`. Throws `resource_missing` when there is no such grant, `operation_key_reused`.
     */
    async takeBack(
      transaction: Transaction,
      asked: Omit<Asked, 'amount'> & { lot: string; amount?: number },
    ): Promise<LedgerOutcome> {
      const { account, lot, amount, key, reason = null } = asked;
      const some = amount === undefined ? {} : { amount };
      const operation = { type: 'clawback' as const, account: account.id, key, lot, reason, at: now(), ...some };
      const outcome = await applyOne(transaction, operation);
      await record(transaction, 'balance.taken_back', { ...asked, amount: outcome.amount }, outcome);
      return assertDone(outcome, account.meter);
    },

    /** Undoes a use, or a part of it. Throws `resource_missing`, `quantity_invalid`, `operation_key_reused`. */
    async reverse(
      transaction: Transaction,
      asked: Omit<Asked, 'amount'> & { of: string; amount: number | undefined },
    ): Promise<LedgerOutcome> {
      const { account, of, amount, key, reason = null } = asked;
      const some = amount === undefined ? {} : { amount };
      const operation = { type: 'reverse' as const, account: account.id, key, of, reason, at: now(), ...some };
      const outcome = await applyOne(transaction, operation);
      await record(transaction, 'balance.use_reversed', { ...asked, amount: outcome.amount }, outcome);
      return assertDone(outcome, account.meter);
    },

    /** Uses an amount: all of it or, unless `whenShort` is `take`, nothing. A no is an outcome, not an error. */
    consume({ account, amount, key, reason, whenShort = 'refuse' }: Asked & { whenShort?: 'refuse' | 'take' }) {
      return writer.submit({
        type: 'consume',
        account: account.id,
        key,
        amount,
        reason: reason ?? null,
        whenShort,
        at: now(),
      });
    },

    /** Holds an amount back for so long. The outcome's `subject` is the reservation's id. */
    reserve({ account, amount, key, reason, holdMs }: Asked & { holdMs: number }): Promise<LedgerOutcome> {
      const at = now();
      const reservation = ids.next('rsv');
      const operation = {
        account: account.id,
        key,
        amount,
        reason: reason ?? null,
        reservation,
        at,
        expiresAt: at + holdMs,
      };
      return writer.submit({ type: 'reserve', ...operation });
    },

    /** Uses what was held back, or a part of it. Throws `resource_missing`. */
    async finalize(id: string, amount?: number): Promise<{ outcome: LedgerOutcome; account: MeteredAccount }> {
      const account = await reservationAccount(id);
      const operation = { account: account.id, key: `${OWN_KEY_PREFIX}post/${id}`, reservation: id, at: now() };
      const some = amount === undefined ? {} : { amount };
      return { account, outcome: await writer.submit({ type: 'post', ...operation, ...some }) };
    },

    /** Gives back what was held back. Throws `resource_missing`. */
    async release(id: string): Promise<{ outcome: LedgerOutcome; account: MeteredAccount }> {
      const account = await reservationAccount(id);
      const operation = { account: account.id, key: `${OWN_KEY_PREFIX}void/${id}`, reservation: id, at: now() };
      return { account, outcome: await writer.submit({ type: 'void', ...operation }) };
    },

    /** Where accounts stand at this moment, what time alone brought included; empty ones where nothing was granted yet. */
    async balances(accounts: readonly MeteredAccount[]): Promise<AccountBalance[]> {
      const at = clock.now();
      const which = { ids: accounts.map(({ id }) => id) };
      const stored = await readAccounts(database.connection, { which, depth: at });
      const found = new Map(stored.map(({ account }) => [account.id, account]));
      return accounts.map(({ id, reference, meter }) => {
        const account = found.get(id) ?? emptyAccount(id);
        return { account: accountAt(account, at.getTime()), reference, meter };
      });
    },

    /**
     * Where everything stands that these own, licences and customers by their ids, in the order of the accounts; after the expected
     * accounts, which are empty where nothing was granted yet.
     */
    async balancesOf(owners: readonly string[], expected: readonly MeteredAccount[] = []): Promise<AccountBalance[]> {
      const at = clock.now();
      const stored = await readAccounts(database.connection, { which: { owners }, depth: at });
      const found = new Map(
        stored.map(({ account, reference }): [string, AccountBalance] => {
          const product = catalog.products.find(({ id }) => id === reference.product);
          const meter = product?.meters.find(({ id }) => id === reference.meter) ?? null;
          return [account.id, { account: accountAt(account, at.getTime()), reference, meter }];
        }),
      );
      const first = expected.map(({ id, ...rest }) => found.get(id) ?? { account: emptyAccount(id), ...rest });
      const named = new Set(expected.map(({ id }) => id));
      return [...first, ...[...found.values()].filter(({ account }) => !named.has(account.id))];
    },

    /** All accounts that an owner may have of a product. */
    accountsOf: (owner: MeteredAccount['reference']['owner'], product: string) => accountsOf(catalog, owner, product),

    /** What moved on an account, the newest first, before a number: one more than `limit`, where there are more. */
    async statement(
      { id }: MeteredAccount,
      { before = Number.MAX_SAFE_INTEGER, limit }: { before?: number; limit: number },
    ): Promise<Transfer[]> {
      const at = clock.now();
      const [stored] = await readAccounts(database.connection, { which: { ids: [id] }, depth: at });
      if (stored === undefined) return [];
      const pending = pendingAt(stored.account, at.getTime()).filter(({ number }) => number < before);
      // Of what is written, no more than the account counted when it was read.
      const upTo = Math.min(before, stored.account.version + 1);
      const written = await readStatement(database.connection, { account: id, before: upTo, limit: limit + 1 });
      return [...pending.toReversed(), ...written].slice(0, limit + 1);
    },

    prove: (range: { after?: string | undefined; limit: number }) => proveAccounts(database.connection, range),

    /** Resolves when no operation waits any more. */
    settled: () => writer.settled(),
  };
}
