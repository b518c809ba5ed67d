import {
  type AllowanceOverride,
  dayMs,
  eventKey,
  LATEST_EVENT_DAYS,
  LatchkeyError,
  type LicenseStatus,
  minuteMs,
  openLedger,
  openUsage,
  type UsageDetails,
  type UsageEvent,
  type UsageLook,
  type UsageOutcome,
  type UsageReservation,
} from '@latchkey/core';
import type { Database, Transaction } from '../../db/database.ts';
import type { Log } from '../../observability/log.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Audit } from '../audit/index.ts';
import { createGroupWriter, type GroupWriterOptions, type Ledger, quantityOf } from '../ledger/index.ts';
import { createHolders, type HeldMeter, type HoldersOptions, type UsageHolder } from './holders.ts';
import { createLanes } from './lanes.ts';
import { createMonths } from './months.ts';
import {
  deleteAllowance,
  digestOf,
  findEvent,
  findReservation,
  readOneMoment,
  readUsage,
  writeAllowance,
} from './repository.ts';
import {
  accountsOf,
  anchorsOf,
  createWriteBatch,
  type SubmittedRequest,
  sinceWhen,
  type UsageOperation,
  type WriteBatchOptions,
} from './write-batch.ts';

export interface UsageOptions extends Omit<WriteBatchOptions, 'ledger'>, Omit<HoldersOptions, 'ledger'> {
  database: Database;
  log: Log;
  audit: Audit;
  metrics: Pick<Metrics, 'gauge' | 'counter'>;
  ledger: Ledger;
  writer?: Pick<GroupWriterOptions<UsageOperation, UsageOutcome[]>, 'batchSize' | 'queueSize' | 'deadlineMs'>;
}

/** A use that is to be counted. */
export interface NewUse {
  readonly held: HeldMeter;
  /** Unique in the account for as long as it may be sent again. */
  readonly id: string;
  /** Left out: now. */
  readonly at: Date | undefined;
  /** In the meter's steps. */
  readonly quantity: number;
  /** False for use that has happened and is counted whatever the limit says. */
  readonly enforce: boolean;
  readonly details: UsageDetails;
}

/** Where a holder stands with a meter. */
export interface MeterStanding extends UsageLook {
  readonly held: HeldMeter;
}

/** Whether something may be used, and why. */
export interface CheckAnswer extends Omit<UsageOutcome, 'code'> {
  readonly code: string;
  readonly allowed: boolean;
  /** Under which it is kept; null where nothing was to be, or could be. */
  readonly reservation: string | null;
}

/** A reservation and whose it is. */
export interface HeldReservation {
  readonly reservation: UsageReservation;
  readonly held: HeldMeter;
}

/** How far a caller's clock may be ahead. */
const AHEAD_MS = 5 * minuteMs;
const LATEST_MS = LATEST_EVENT_DAYS * dayMs;
/** Writers side by side: one waits for the database while another decides. More of them make their batches smaller. */
const LANES = 3;
/** Requests in one transaction of a writer, and those that may wait for it. */
const BATCH_SIZE = 2_000;
const QUEUE_SIZE = 50_000;
const NO_DETAILS: UsageDetails = { method: null, route: null, durationMs: null, status: null, properties: null };

export type Usage = ReturnType<typeof createUsage>;

/** Use: counted once, in its period, against what there is, by any number of servers. */
export function createUsage(options: UsageOptions) {
  const { database, clock, ids, ledger, log, metrics, audit } = options;
  const holders = createHolders(options);
  const months = createMonths({ database, clock, ledger });
  const written = metrics.counter('latchkey_usage_written_total', 'Transactions of use, and requests in them', 'kind');
  const apply = createWriteBatch(options);
  const newWriter = () =>
    createGroupWriter<UsageOperation, UsageOutcome[]>({
      database,
      log,
      name: 'usage',
      apply,
      prepare: months.prepare,
      weigh: ({ requests }) => requests.length,
      batchSize: BATCH_SIZE,
      queueSize: QUEUE_SIZE,
      ...options.writer,
      wrote(weight) {
        written('transactions');
        written('requests', weight);
      },
    });
  const writer = createLanes(Array.from({ length: database.engine === 'postgres' ? LANES : 1 }, newWriter));
  metrics.gauge('latchkey_usage_waiting', 'Events, checks and reservations that wait to be written', () =>
    writer.waiting(),
  );

  async function submitOne(request: SubmittedRequest): Promise<UsageOutcome> {
    const [outcome] = await writer.submit([request]);
    if (outcome === undefined) throw new LatchkeyError('internal', 'The request was left without an answer.');
    return outcome;
  }

  return {
    ...holders,

    /** The use as it will be asked for. Throws `license_not_in_force`, `event_in_future`, `event_too_old`. */
    request({ held, id, at, quantity, enforce, details }: NewUse): SubmittedRequest {
      if (enforce && held.withheld !== null) throw notInForce(held.withheld);
      const now = clock.now().getTime();
      const happened = at?.getTime() ?? now;
      if (happened > now + AHEAD_MS) {
        throw new LatchkeyError('event_in_future', 'at lies more than five minutes ahead.', { path: 'at' });
      }
      if (happened < now - LATEST_MS) {
        const detail = `at lies more than ${LATEST_EVENT_DAYS} days back.`;
        throw new LatchkeyError('event_too_old', detail, { path: 'at' });
      }
      const what = { id, at: Math.min(happened, now), quantity, enforce, details };
      const use = { ...held.standing, type: 'use', ...what, source: held.source } as const;
      return held.alias === undefined ? use : { ...use, alias: held.alias };
    },

    /** Counts uses together; what became of each, in their order, after the commit. Throws `overloaded`, `unavailable`. */
    record: (requests: readonly SubmittedRequest[]): Promise<UsageOutcome[]> =>
      requests.length === 0 ? Promise.resolve([]) : writer.submit(requests),

    /** Whether so much may be used, and, where it is to be reserved, keeps it until it is used, given up or its time is over. */
    async check(
      held: HeldMeter,
      { quantity, holdMs }: { quantity: number; holdMs: number | null },
    ): Promise<CheckAnswer> {
      if (held.withheld !== null) return withheldAnswer(held.withheld, quantity);
      const base = { ...held.standing, quantity, source: held.source };
      const isHeld =
        holdMs !== null && (held.account.meter.aggregation === 'sum' || held.account.meter.aggregation === 'count');
      if (!isHeld) {
        const outcome = await submitOne({ type: 'ask', ...base });
        return { ...outcome, allowed: outcome.done, reservation: null };
      }
      const reservation = ids.next('rsv');
      const expiresAt = clock.now().getTime() + holdMs;
      const outcome = await submitOne({ type: 'hold', ...base, reservation, expiresAt });
      return { ...outcome, allowed: outcome.done, reservation: outcome.done ? reservation : null };
    },

    /** A reservation and whose it is. Throws `resource_missing`. */
    async reservation(id: string): Promise<HeldReservation> {
      const reservation = await findReservation(database.connection, id);
      if (reservation === null) throw new LatchkeyError('resource_missing', `There is no reservation ${id}.`);
      const { holder, meterId } = await holders.ofAccount(reservation.account);
      return { reservation, held: holders.meter(holder, meterId) };
    },

    /** Counts what was reserved, or a part of it, once. Throws `reservation_closed`, `quantity_invalid`, `event_id_reused`. */
    async finalize(
      { reservation, held }: HeldReservation,
      { id, quantity, details }: { id?: string | undefined; quantity?: number | undefined; details?: UsageDetails },
    ): Promise<UsageOutcome> {
      const what = { reservation, id: id ?? reservation.id, quantity, details: details ?? NO_DETAILS };
      return assertDone(await submitOne({ type: 'finalize', ...held.standing, ...what, source: held.source }));
    },

    /** Gives up what was reserved. Throws `reservation_closed`. */
    async release({ reservation, held }: HeldReservation): Promise<UsageOutcome> {
      return assertDone(await submitOne({ type: 'release', ...held.standing, reservation, source: held.source }));
    },

    /** Takes an event back, or a part of it, by another event. Throws `resource_missing`, `quantity_invalid`, `event_too_old`. */
    async correct(
      held: HeldMeter,
      { id, of, quantity }: { id: string; of: string; quantity: number | undefined },
    ): Promise<{ outcome: UsageOutcome; event: UsageEvent }> {
      const account = held.account.id;
      const event = await findEvent(database.connection, account, of, digestOf(eventKey(account, of)));
      if (event === null) throw new LatchkeyError('resource_missing', `There is no event ${of}.`, { path: 'reverses' });
      if (event.at < clock.now().getTime() - LATEST_MS) {
        const detail = `The event happened more than ${LATEST_EVENT_DAYS} days ago.`;
        throw new LatchkeyError('event_too_old', detail, { path: 'reverses' });
      }
      const outcome = await submitOne({ type: 'correct', ...held.standing, id, event, quantity, source: held.source });
      return { outcome: assertDone(outcome), event };
    },

    /** Where a holder stands with each of their meters, as of one moment. Changes nothing. */
    async limits(holder: UsageHolder, meterId?: string): Promise<MeterStanding[]> {
      const meters = meterId === undefined ? holders.meters(holder) : [holders.meter(holder, meterId)];
      const accounts = meters.map(({ account }) => account.id);
      const sources = new Map(meters.map(({ account, source }) => [account.id, source]));
      return database.transaction({ actor: { type: 'system', id: 'usage' } }, async (transaction) => {
        const { connection } = transaction;
        await readOneMoment(connection);
        const now = clock.now();
        const balances = await ledger.read(transaction, accounts);
        const stored = await readUsage(connection, { accounts, since: sinceWhen(now), now });
        const anchors = await anchorsOf(connection, sources, options.periods);
        const book = openUsage({
          ledger: openLedger(balances),
          batch: 'look',
          now: now.getTime(),
          accounts: accountsOf(sources, stored, anchors),
          counted: new Map(),
        });
        return meters.map((held) => ({ held, ...book.look(held.standing) }));
      });
    },

    /** What a holder is allowed in the place of what their plan says; null leaves it to the plan again. */
    async setAllowance(
      transaction: Transaction,
      { account }: HeldMeter,
      override: AllowanceOverride | null,
    ): Promise<void> {
      await ledger.make(transaction, [account.id]);
      if (override === null) await deleteAllowance(transaction.connection, account.id);
      else await writeAllowance(transaction.connection, account.id, override, clock.now());
      const { owner, meter } = account.reference;
      const [subjectType, subjectId] =
        'licenseId' in owner ? ['license', owner.licenseId] : ['customer', owner.customerId];
      const shown = (steps: number | null) =>
        steps === null || steps === -1 ? steps : quantityOf(steps, account.meter);
      const detail = {
        meter,
        ...(override === null
          ? {}
          : { included: shown(override.included), limit: override.limit, ceiling: shown(override.ceiling) }),
      };
      const action = override === null ? 'usage.allowance_removed' : 'usage.allowance_set';
      await audit.record(transaction, { action, subjectType, subjectId, detail });
    },

    /** Once a day: see `createMonths`. */
    keepMonths: () => months.keep(),

    /** Resolves when nothing waits any more. */
    settled: () => writer.settled(),
  };
}

/** The outcome where it was done, now or before. Everything else is thrown as the error it is to a caller. */
function assertDone(outcome: UsageOutcome): UsageOutcome {
  const error = outcome.done || outcome.code === 'exists' ? null : errorOf(outcome);
  if (error === null) return outcome;
  throw error;
}

/** Why a use was not counted. */
export function errorOf({ code, because }: UsageOutcome): LatchkeyError {
  const detail = because.at(-1)?.detail;
  switch (code) {
    case 'LIMIT_REACHED':
      return new LatchkeyError('limit_reached', detail ?? 'The limit of the plan is reached.', { path: 'quantity' });
    case 'NO_CREDIT':
      return new LatchkeyError('insufficient_balance', detail ?? 'Less is available.', { path: 'quantity' });
    case 'exists':
    case 'exists_with_different_quantity':
      return new LatchkeyError('event_id_reused', 'Another use was counted under this id.', { path: 'id' });
    case 'reservation_closed':
      return new LatchkeyError('reservation_closed', 'The reservation was used or given up before, or has run out.');
    case 'exceeds_reservation':
      return new LatchkeyError('quantity_invalid', 'It is more than was reserved.', { path: 'quantity' });
    case 'exceeds_use':
      return new LatchkeyError('quantity_invalid', 'It is more than is left of that event.', { path: 'quantity' });
    case 'not_correctable':
      return new LatchkeyError('invalid_request', 'Only events of meters that add up can be taken back.', {
        path: 'reverses',
      });
    case 'too_large':
      return new LatchkeyError('quantity_invalid', 'With it the period would hold more than can be counted.', {
        path: 'quantity',
      });
    case 'VALID':
      return new LatchkeyError('internal', 'It was done.');
  }
}

function notInForce(status: LicenseStatus): LatchkeyError {
  return new LatchkeyError('license_not_in_force', `The licence is ${status.replace('_', ' ')}.`, {
    path: 'license_key',
  });
}

function withheldAnswer(status: LicenseStatus, quantity: number): CheckAnswer {
  const detail = `The licence is ${status.replace('_', ' ')}.`;
  return {
    allowed: false,
    done: false,
    code: status.toUpperCase(),
    quantity,
    remaining: 0,
    limit: 0,
    resetsAt: null,
    reservation: null,
    because: [{ rule: 'license', passed: false, detail }],
  };
}
