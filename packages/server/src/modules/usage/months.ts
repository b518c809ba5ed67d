import { addUnits, LATEST_EVENT_DAYS, minuteMs } from '@latchkey/core';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import type { Ledger } from '../ledger/index.ts';
import { dropIdsBefore, makeMonths } from './repository.ts';
import type { UsageOperation } from './write-batch.ts';

/** Accounts that a process remembers to be there. */
const MOST_ACCOUNTS = 100_000;
const ACTOR = { actor: { type: 'system', id: 'usage' } } as const;
/** Months for which ids are kept, the current one among them: longer than an event may come again. */
const MONTHS_OF_IDS = Math.ceil(LATEST_EVENT_DAYS / 28) + 1;

export interface MonthsOptions {
  database: Database;
  clock: Clock;
  ledger: Pick<Ledger, 'make'>;
}

/** Makes the tables of the months that instants are in, those that this process does not know to be there. */
export function createMonthTables({ database }: Pick<MonthsOptions, 'database'>) {
  const months = new Set<number>();

  return async function ensureMonths(instants: readonly number[]): Promise<void> {
    const unknown = new Map<number, Date>();
    for (const instant of instants) {
      const at = new Date(instant);
      const month = at.getUTCFullYear() * 12 + at.getUTCMonth();
      if (!months.has(month)) unknown.set(month, at);
    }
    if (unknown.size === 0) return;
    await database.transaction(ACTOR, ({ connection }) => makeMonths(connection, [...unknown.values()]));
    for (const month of unknown.keys()) months.add(month);
  };
}

/** Makes what must be there before events can be written: the tables of their months, and the accounts they are counted on. */
export function createMonths({ database, clock, ledger }: MonthsOptions) {
  const ensureMonths = createMonthTables({ database });
  const accounts = new Set<string>();

  async function ensureAccounts(wanted: ReadonlySet<string>): Promise<void> {
    const unknown = [...wanted].filter((account) => !accounts.has(account));
    if (unknown.length === 0) return;
    await database.transaction(ACTOR, (transaction) => ledger.make(transaction, unknown));
    if (accounts.size > MOST_ACCOUNTS) accounts.clear();
    for (const account of unknown) accounts.add(account);
  }

  return {
    /** In transactions of its own, so that nobody waits for another's lock on a table or an account while holding one. */
    async prepare(operations: readonly UsageOperation[]): Promise<void> {
      const now = clock.now().getTime();
      const instants = [now, now + minuteMs];
      const wanted = new Set<string>();
      for (const { requests } of operations) {
        for (const request of requests) {
          wanted.add(request.account);
          if (request.type === 'use') instants.push(request.at);
          if (request.type === 'correct') instants.push(request.event.at);
        }
      }
      await ensureMonths(instants);
      await ensureAccounts(wanted);
    },

    /** Makes next month's tables before anybody needs them, and forgets ids that cannot come again. Once a day. */
    async keep(): Promise<void> {
      const now = clock.now();
      await ensureMonths([now.getTime(), addUnits(now, 'month', 1).getTime()]);
      const oldest = addUnits(now, 'month', 1 - MONTHS_OF_IDS);
      await database.transaction(ACTOR, ({ connection }) => dropIdsBefore(connection, oldest));
    },
  };
}
