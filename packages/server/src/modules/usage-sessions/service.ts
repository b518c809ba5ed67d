import {
  type Catalog,
  concludeTouch,
  LatchkeyError,
  type LedgerOperation,
  planTouch,
  type RunningSession,
  type SessionTouch,
  vanishesAt,
} from '@latchkey/core';
import type { Database, Transaction } from '../../db/database.ts';
import type { Log } from '../../observability/log.ts';
import type { Clock, Ids } from '../../ports.ts';
import type { Ledger, MeteredAccount } from '../ledger/index.ts';
import type { LicenseReader, LicenseRecord } from '../licenses/index.ts';
import * as repository from './repository.ts';
import {
  alreadyRunning,
  assertInForce,
  assertRoom,
  isInForce,
  newSession,
  nothingLeft,
  timedUseOf,
} from './starting.ts';

export interface UsageSessionsOptions {
  database: Database;
  catalog: Catalog;
  clock: Clock;
  ids: Ids;
  log: Log;
  ledger: Pick<Ledger, 'account' | 'apply' | 'balances'>;
  licenseReader: Pick<LicenseReader, 'get' | 'status'>;
  /** Where what sessions take is noted as use. */
  use: {
    /** Before the transaction: makes what noting use of the time since then needs. */
    prepare(since: Date): Promise<void>;
    /** In the transaction in which it was taken from the account. */
    record(transaction: Transaction, account: string, deductions: readonly TakenTime[]): Promise<void>;
  };
}

/** What was taken for a time that began at an instant, by an operation of the ledger. */
export interface TakenTime {
  readonly key: string;
  readonly from: number;
  /** In the meter's steps; 0 where nothing was left. */
  readonly taken: number;
}

/** A session, the account it deducts from, and what is available there in the meter's steps. */
export interface UsageSession {
  session: repository.SessionRow;
  account: MeteredAccount;
  available: number;
}

export interface NewUsageSession {
  license: Pick<LicenseRecord, 'id' | 'product'>;
  /** Left out: the meter of the product's timed use, which is the only one. */
  meter?: string | undefined;
  /** The client's own name for it: while a session of this name runs, it is that one. */
  clientId?: string | undefined;
}

type Write = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;

export type UsageSessions = ReturnType<typeof createUsageSessions>;

/** More would be a client that begins a session for every request. */
const MOST_RUNNING = 100;
const VANISHED_AT_ONCE = 100;

/** Timed use of licences: sessions begin, live by their heartbeats, and end. */
export function createUsageSessions(options: UsageSessionsOptions) {
  const { database, clock, ids, ledger, licenseReader } = options;
  const asSystem: Write = (work) => database.transaction({ actor: { type: 'system', id: 'usage-sessions' } }, work);

  async function availableOn(account: MeteredAccount): Promise<number> {
    const [found] = await ledger.balances([account]);
    return found?.account.balance.available ?? 0;
  }

  const accountOf = ({ license_id: licenseId, product, meter }: repository.SessionRow): MeteredAccount =>
    ledger.account({ owner: { licenseId }, product }, meter);

  async function shown(session: repository.SessionRow): Promise<UsageSession> {
    const account = accountOf(session);
    return { session, account, available: await availableOn(account) };
  }

  /** Deducts what is due, and ends the session where it has to end. One that has ended is answered as it is. */
  async function touch(known: repository.SessionRow, how: SessionTouch, write: Write): Promise<UsageSession> {
    const { account, available: before } = await shown(known);
    await options.use.prepare(known.charged_until);
    return write(async (transaction) => {
      const session = (await repository.lockSession(transaction.connection, known.id)) ?? known;
      if (session.ended_at !== null) return { session, account, available: before };
      const running = runningOf(session);
      const at = clock.now().getTime();
      const plan = planTouch(running, how, { now: at, available: before });
      if (plan === null) return { session, account, available: before };
      const operations = plan.deductions.map(
        ({ key, amount }): LedgerOperation => ({
          ...{ type: 'consume', account: account.id, key, amount, at },
          ...{ whenShort: 'take', reason: `session ${session.id}` },
        }),
      );
      const outcomes = await ledger.apply(transaction, operations);
      const available = outcomes.at(-1)?.available ?? before;
      const taken = outcomes.map(({ amount }) => amount);
      const times = plan.deductions.map(({ key, from }, index) => ({ key, from, taken: taken[index] ?? 0 }));
      await options.use.record(transaction, account.id, times);
      const outcome = concludeTouch(running, plan, { taken, available });
      const { lastSeenAt } = outcome;
      const silentUntil = vanishesAt({ lastSeenAt, intervalMs: running.intervalMs });
      const updated = await repository.updateSession(transaction.connection, session, outcome, silentUntil);
      return { session: updated, account, available };
    });
  }

  /** Ends those of an account, or of all, that nobody has heard of for too long. */
  async function endVanished(sessions: readonly repository.SessionRow[]): Promise<void> {
    for (const session of sessions) {
      // One that cannot be ended, such as of a product that is gone, must not keep the others alive.
      await touch(session, 'look', asSystem).catch((error: unknown) =>
        options.log.error({ error, session: session.id }, 'a silent usage session could not be ended'),
      );
    }
  }

  async function heartbeat(session: repository.SessionRow, write: Write): Promise<UsageSession> {
    if (session.ended_at !== null) return shown(session);
    const license = await licenseReader.get(session.license_id);
    return touch(session, isInForce(licenseReader.status(license)) ? 'heartbeat' : 'license_lost', write);
  }

  return {
    /**
     * Begins a session, or goes on with the one of the client's name. Errors: `invalid_request` where there is no timed use,
     * `license_state_conflict` when the licence is not in force, `session_running`, `insufficient_balance`.
     */
    async start(input: NewUsageSession, write: Write): Promise<UsageSession & { isNew: boolean }> {
      const { license, clientId = null } = input;
      const timed = timedUseOf(options.catalog, input.license.product, input.meter);
      const account = ledger.account({ owner: { licenseId: license.id }, product: license.product }, timed.meter);
      assertInForce(licenseReader.status(await licenseReader.get(license.id)));
      const known = await repository.runningOn(database.connection, account.id, MOST_RUNNING + 1);
      await endVanished(known.filter((one) => one.vanishes_at <= clock.now()));
      const same = known.find((one) => one.client_id !== null && one.client_id === clientId);
      const resumed = same === undefined ? null : await heartbeat(same, write);
      if (resumed?.session.code === 'RUNNING') return { ...resumed, isNew: false };
      const available = await availableOn(account);
      if (available === 0) throw nothingLeft(account);
      const row = newSession({ id: ids.next('uses'), account, clientId, timed }, clock.now());
      return write(async ({ connection }) => {
        const others = await repository.runningOn(connection, account.id, MOST_RUNNING);
        const twin = others.find((one) => one.client_id !== null && one.client_id === clientId);
        if (twin !== undefined) return { session: twin, account, available, isNew: false };
        assertRoom(others, timed, MOST_RUNNING);
        const session = await repository.insertSession(connection, row);
        if (session !== null) return { session, account, available, isNew: true };
        // Another was quicker, perhaps the same client's.
        const raced = await repository.runningOn(connection, account.id, MOST_RUNNING);
        const same = raced.find((one) => one.client_id !== null && one.client_id === clientId);
        if (same === undefined) throw alreadyRunning(raced[0]?.id ?? null);
        return { session: same, account, available, isNew: false };
      });
    },

    /** A sign of life. A session that has ended stays so, and is answered as it is. */
    heartbeat,

    /** Ends a session and deducts the remainder. Again, it changes nothing. */
    end: (session: repository.SessionRow, write: Write): Promise<UsageSession> => touch(session, 'end', write),

    /** The session as it stands; one that vanished meanwhile is ended first. Throws `resource_missing`. */
    async get(id: string): Promise<UsageSession> {
      const session = await repository.findSession(database.connection, id);
      if (session === null) throw new LatchkeyError('resource_missing', `There is no usage session ${id}.`);
      return session.ended_at === null && session.vanishes_at <= clock.now()
        ? touch(session, 'look', asSystem)
        : shown(session);
    },

    /** A licence's sessions, the newest first: one more than `limit`, where there are more. */
    async list(
      license: Pick<LicenseRecord, 'id' | 'product'>,
      page: { limit: number; after: { at: Date; id: string } | null },
    ): Promise<UsageSession[]> {
      const limits = { ...page, limit: page.limit + 1 };
      const silent = (await repository.listSessions(database.connection, license.id, limits)).filter(
        ({ ended_at, vanishes_at }) => ended_at === null && vanishes_at <= clock.now(),
      );
      await endVanished(silent);
      const sessions = await repository.listSessions(database.connection, license.id, limits);
      const accounts = new Map(sessions.map((session) => [session.account_id, accountOf(session)]));
      const balances = await ledger.balances([...accounts.values()]);
      const available = new Map(balances.map(({ account }) => [account.id, account.balance.available]));
      return sessions.map((session) => ({
        session,
        account: accounts.get(session.account_id) ?? accountOf(session),
        available: available.get(session.account_id) ?? 0,
      }));
    },

    /** Ends what has vanished by now. For the job; whoever touches such a session finds it ended too. */
    async endVanished(): Promise<void> {
      for (;;) {
        const silent = await repository.vanishedBy(database.connection, clock.now(), VANISHED_AT_ONCE);
        await endVanished(silent);
        if (silent.length < VANISHED_AT_ONCE) return;
      }
    },

    /** When the clock alone next ends a session. */
    nextDueAt: (): Promise<Date | null> => repository.nextVanishing(database.connection),
  };
}

function runningOf(row: repository.SessionRow): RunningSession {
  return {
    id: row.id,
    startedAt: row.started_at.getTime(),
    lastSeenAt: row.last_seen_at.getTime(),
    intervalMs: row.interval_ms,
    chargedUntil: row.charged_until.getTime(),
    deductions: row.deductions,
  };
}
