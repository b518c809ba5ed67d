import { createHash } from 'node:crypto';
import { LatchkeyError } from '@latchkey/core';
import type { Transaction } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import type { StripeClient } from './client/index.ts';
import type { InvoiceAmount, MeterReport } from './client/overage.ts';
import type { Intent, IntentKind, Intents } from './intents.ts';
import { finishReport, type OverageKey, type OverageRow, refuseReport, takeRow } from './overage-repository.ts';

/** A way in which Stripe learns of use beyond a plan: planned with the row it is of, called, recorded; each once. */
export interface OverageReporter<Told> {
  /** Null when somebody else is at it, or the row has changed since it was read. */
  plan(transaction: Transaction, row: OverageRow, told: Told): Promise<{ id: string } | null>;
  carryOut(planned: { id: string }): Promise<void>;
}

/** What a meter is told: the use between two states of the row. */
export interface MeteredUse {
  readonly priceId: string;
  readonly from: number;
  readonly to: number;
  readonly report: Omit<MeterReport, 'identifier'>;
}

/** What is put on an invoice, and what the invoices said before. */
export interface ItemizedUse {
  readonly billed: { readonly units: number; readonly cents: number };
  readonly amount: InvoiceAmount;
  /** Where it goes when the draft it was meant for is final already. */
  readonly otherwise: InvoiceAmount['to'];
}

/** In JSON, as intents are kept. */
interface Planned<Told> {
  row: { account: string; windowStart: string; rate: string; units: number };
  identifier: string;
  plannedAt: number;
  told: Told;
}

/** Stripe knows a key, and the identifier of a report, for a day; past this it has to be looked for, or left to the invoices. */
const KNOWN_MS = 20 * 3_600_000;

/** Names a report in the metadata of what it made. */
export const OVERAGE_NOTE = 'latchkey_overage';

type ReportsOptions = { intents: Intents; clock: Clock };

/** The default: events of a meter, which a metered price bills with the renewal. */
export function createMeterEvents(options: ReportsOptions): OverageReporter<MeteredUse> {
  return createReporter<MeteredUse>(options, 'overage.meter', {
    async call(stripe, { identifier, plannedAt, told }) {
      if (isOld(options.clock, plannedAt)) {
        throw new LatchkeyError('stripe_rejected', 'The report is too old to be repeated: the invoice will tell.');
      }
      await stripe.reportUse({ ...told.report, identifier });
    },
    told: ({ from, to }) => ({ to, metered: to - from, cents: 0, isSettled: false }),
    taken: ({ priceId }) => ({ stripe_price_id: priceId }),
    // Stripe's no to one report is its no to the next: the rest is billed as an amount.
    refusedUnits: () => null,
  });
}

/** The other: amounts on the renewal's draft, on the next invoice, or on one of their own. */
export function createInvoiceAmounts(options: ReportsOptions): OverageReporter<ItemizedUse> {
  return createReporter<ItemizedUse>(options, 'overage.item', {
    async call(stripe, { identifier, plannedAt, told: { amount, otherwise } }, key) {
      const note = { key: OVERAGE_NOTE, value: identifier };
      if (isOld(options.clock, plannedAt) && (await stripe.findAmount(amount.customerId, note)) !== null) return;
      const noted = { ...amount, metadata: { ...amount.metadata, [note.key]: note.value } };
      try {
        await stripe.billAmount(noted, key);
      } catch (error) {
        const isFinal = error instanceof LatchkeyError && error.code === 'stripe_rejected';
        if (!isFinal || !('invoice' in amount.to)) throw error;
        await stripe.billAmount({ ...noted, to: otherwise }, `${key}:otherwise`);
      }
    },
    told: ({ amount }, units) => ({ to: units, metered: 0, cents: amount.amountCents, isSettled: true }),
    taken: ({ billed }) => ({ billed_units: billed.units, billed_cents: billed.cents }),
    refusedUnits: (units) => units,
  });
}

interface Way<Told> {
  call(stripe: StripeClient, planned: Planned<Told>, key: string): Promise<void>;
  told(told: Told, units: number): { to: number; metered: number; cents: number; isSettled: boolean };
  taken(told: Told): Parameters<typeof takeRow>[3];
  refusedUnits(units: number): number | null;
}

function createReporter<Told extends object>(
  { intents, clock }: ReportsOptions,
  kind: string,
  way: Way<Told>,
): OverageReporter<Told> {
  const handling: IntentKind<Planned<Told>, object> = {
    async call(stripe, planned, key) {
      await way.call(stripe, planned, key);
      return {};
    },
    async record({ connection }, { id, request }) {
      const { isSettled, ...told } = way.told(request.told, request.row.units);
      const at = clock.now();
      await finishReport(connection, keyOf(request), id, { ...told, settledAt: isSettled ? at : null, at });
    },
    async reject({ connection }, { id, request }, { detail }) {
      const units = way.refusedUnits(request.row.units);
      await refuseReport(connection, keyOf(request), id, { reason: detail, units });
    },
    crashPoints: { planned: 'overage.planned', called: 'overage.called' },
  };
  const planner = intents.register<Planned<Told>, object>(kind, handling);
  return {
    async plan(transaction, row, told) {
      const { account, rate, units, reports } = row;
      const windowStart = row.windowStart.toISOString();
      const subject = `${account}/${windowStart}/${rate}`;
      const { to } = way.told(told, units);
      const intent = await planner.plan(transaction, subject, {
        row: { account, windowStart, rate, units },
        identifier: identifierOf(`${subject}/${kind}/${reports}/${row.reported}-${to}`),
        plannedAt: clock.wall().getTime(),
        told,
      });
      return (await takeRow(transaction.connection, row, intent.id, way.taken(told))) ? intent : null;
    },
    carryOut: async (planned) => void (await planner.carryOut(planned as Intent<Planned<Told>>)),
  };
}

function keyOf({ row }: Planned<unknown>): OverageKey {
  return { account: row.account, windowStart: new Date(row.windowStart), rate: row.rate };
}

/** Stripe takes identifiers of up to a hundred characters. */
function identifierOf(text: string): string {
  return `latchkey_${createHash('sha256').update(text).digest('hex').slice(0, 48)}`;
}

function isOld(clock: Clock, plannedAt: number): boolean {
  return clock.wall().getTime() - plannedAt > KNOWN_MS;
}
