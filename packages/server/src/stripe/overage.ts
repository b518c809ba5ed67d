import {
  type Catalog,
  dayMs,
  formatMeterQuantity,
  type OverageClosing,
  type OverageStep,
  overageClosing,
  overageStep,
  parseMeterQuantity,
} from '@latchkey/core';
import type { Database } from '../db/database.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../ports.ts';
import type { StripeClient } from './client/index.ts';
import type { Intents } from './intents.ts';
import { isMetered, meteredPricesBeside, ownItem } from './metered-items.ts';
import { mirror } from './mirror.ts';
import { createInvoiceAmounts, createMeterEvents, OVERAGE_NOTE, type OverageReporter } from './overage-reports.ts';
import { dueRows, endedWithAmounts, type OverageRow, pricesInUse, settleRow } from './overage-repository.ts';
import { type OverageStanding, overageStanding } from './overage-standing.ts';
import type { StripeSubscription } from './shapes.ts';

export interface OverageBillingOptions {
  database: Database;
  catalog: Catalog;
  client: StripeClient;
  intents: Intents;
  clock: Clock;
  log: Log;
}

/** Bills what was used beyond plans. */
export interface OverageBilling {
  /** Looks at everything that may have something to be told, and tells it. What fails is tried again at the next look. */
  run(): Promise<void>;
}

/** What Stripe has billed, or is about to bill, of a row by its metered price. */
interface Measured {
  hasOpenMeasure: boolean;
  hasLines: boolean;
  billedUnits: number;
  billedCents: number;
}

const PAGE = 200;
/** What an invoice within this time can wait for. */
const SOON_MS = 40 * dayMs;
const NOTHING: Measured = { hasOpenMeasure: false, hasLines: false, billedUnits: 0, billedCents: 0 };
const AS_OVERAGE = { actor: { type: 'system', id: 'overage' } } as const;

export function createOverageBilling(options: OverageBillingOptions): OverageBilling {
  const { database, catalog, client, clock, log } = options;
  const meterEvents = createMeterEvents(options);
  const invoiceAmounts = createInvoiceAmounts(options);
  let running: Promise<void> | null = null;
  /** Ended subscriptions that were looked through for what waited on them; asked once more by a process that starts. */
  const sweptUp = new Set<string>();

  async function pass(): Promise<void> {
    const closed = new Map<string, StripeSubscription>();
    let after: OverageRow | null = null;
    for (;;) {
      const due: OverageRow[] = await dueRows(database.connection, clock.now(), after, PAGE);
      for (const row of due) {
        const subscription = await look(row).catch((error: unknown) => {
          log.warn(
            { error, account: row.account, rate: row.rate },
            'the use beyond a plan could not be told to Stripe',
          );
          return null;
        });
        if (subscription !== null) closed.set(subscription.id, subscription);
      }
      after = due.at(-1) ?? null;
      if (due.length < PAGE) break;
    }
    await sweepUp().catch((error: unknown) =>
      log.warn({ error }, 'what waited for the next invoice of a subscription that has ended could not be billed'),
    );
    for (const subscription of closed.values()) {
      await tidy(subscription).catch((error: unknown) =>
        log.warn({ error, subscription: subscription.id }, 'the metered items of a subscription could not be tidied'),
      );
    }
  }

  /** An immediate cancellation leaves what waits for the next invoice where it is: it is put on one of its own. */
  async function sweepUp(): Promise<void> {
    const since = new Date(clock.now().getTime() - SOON_MS);
    for (const { reference, currency } of await endedWithAmounts(database.connection, since)) {
      if (sweptUp.has(reference)) continue;
      const subscription = await mirror.subscription(database.connection, reference);
      if (subscription === null) continue;
      const { customer: customerId, default_payment_method: paymentMethod } = subscription;
      const of = { subscription: reference, customerId, currency, paymentMethod, noteKey: OVERAGE_NOTE };
      await client.billWaiting(of, `overage-waiting/${reference}`);
      sweptUp.add(reference);
    }
  }

  /** Does what is next for a row; answers its subscription when a period of it is settled and another goes on. */
  async function look(row: OverageRow): Promise<StripeSubscription | null> {
    const standing = await overageStanding(database.connection, catalog, row);
    if (standing === null) return null;
    const step = overageStep(standing.account, standing.payer, clock.now().getTime());
    if (step.do !== 'close') {
      await take(standing, step, NOTHING);
      return null;
    }
    const measured = await measure(standing);
    const closing = overageClosing(standing.account, standing.payer, measured, clock.now().getTime());
    await take(standing, closing, measured);
    const isDone = closing.do === 'item' || closing.do === 'settled';
    return isDone && !standing.payer.hasEnded ? standing.subscription : null;
  }

  async function take(
    standing: OverageStanding,
    step: Exclude<OverageStep, { do: 'close' }> | OverageClosing,
    { billedUnits, billedCents }: Measured,
  ): Promise<void> {
    const { row } = standing;
    switch (step.do) {
      case 'wait':
        return;
      case 'meter':
        return tell(meterEvents, row, meterReport(standing, step));
      case 'item':
        return tell(
          invoiceAmounts,
          row,
          await itemized(standing, step.cents, { units: billedUnits, cents: billedCents }),
        );
      case 'waive':
      case 'settled': {
        const outcome = step.do === 'waive' ? 'waived' : 'billed';
        const how = { outcome, billedUnits, billedCents, at: clock.now() } as const;
        await database.transaction(AS_OVERAGE, ({ connection }) => settleRow(connection, row, how));
      }
    }
  }

  async function tell<Told>(reporter: OverageReporter<Told>, row: OverageRow, told: Told | null): Promise<void> {
    if (told === null) return;
    const planned = await database
      .transaction(AS_OVERAGE, async (transaction) => {
        const intent = await reporter.plan(transaction, row, told);
        if (intent === null) throw new Taken();
        return intent;
      })
      .catch((error: unknown) => {
        if (error instanceof Taken) return null;
        throw error;
      });
    if (planned !== null) await reporter.carryOut(planned);
  }

  /** What Stripe's invoices say of the part that its meter was told. */
  async function measure({ row, subscription, meter }: OverageStanding): Promise<Measured> {
    if (row.stripePriceId === null) return NOTHING;
    const start = Math.floor(row.windowStart.getTime() / 1_000);
    const end = Math.ceil(row.windowEnd.getTime() / 1_000);
    const lines = await client.measuredLines({
      ...{ subscription: subscription.id, customerId: subscription.customer },
      ...{ priceIds: [row.stripePriceId], since: start },
    });
    // A period may have been made longer since its use was counted, so that its line ends after what is known of it here.
    const own = lines.filter((line) => line.start === start || (line.start > start && line.end <= end));
    const billed = own.filter(({ isDraft }) => !isDraft);
    return {
      hasLines: own.length > 0,
      // A draft that bills nothing of it, and never will, need not be waited for.
      hasOpenMeasure: own.some(
        ({ isDraft, quantity }) => isDraft && (row.refusal === null || row.metered > 0 || Number(quantity) !== 0),
      ),
      billedUnits: billed.reduce((sum, { quantity }) => sum + (parseMeterQuantity(quantity, meter) ?? 0), 0),
      billedCents: billed.reduce((sum, { amountCents }) => sum + amountCents, 0),
    };
  }

  /** Where an amount goes: on the renewal while that is a draft; else on the next invoice, or one of its own where none comes soon. */
  async function itemized(standing: OverageStanding, cents: number, billed: { units: number; cents: number }) {
    const { row, subscription, titles, meter, payer } = standing;
    const own = { paymentMethod: subscription.default_payment_method };
    const next = (ownItem(subscription)?.current_period_end ?? 0) * 1_000;
    const isSoon = !payer.hasEnded && next < clock.now().getTime() + SOON_MS;
    const otherwise = isSoon ? { subscription: subscription.id } : own;
    const draft = await client.draftOf(subscription.id);
    const isFirst = row.itemizedCents === 0 && billed.cents === 0;
    const count = `${formatMeterQuantity(row.units, meter)} × ${meter.name}`;
    return {
      billed,
      otherwise,
      amount: {
        customerId: subscription.customer,
        to: draft === null ? otherwise : { invoice: draft },
        amountCents: cents,
        currency: row.currency,
        description: `${titles.product} – ${titles.plan}: ${isFirst ? count : meter.name} beyond the plan`,
        period: {
          start: Math.floor(row.windowStart.getTime() / 1_000),
          end: Math.ceil(row.windowEnd.getTime() / 1_000),
        },
        metadata: { latchkey_account: row.account, latchkey_rate: row.rate },
      },
    };
  }

  /** Takes off the metered items of plans that were left, and puts on those of the plan that has come: by the portal, or by an edit. */
  async function tidy(subscription: StripeSubscription): Promise<void> {
    const item = ownItem(subscription);
    const isChanging = subscription.schedule != null || subscription.pending_update != null;
    if (item === undefined || isChanging || !['active', 'past_due'].includes(subscription.status)) return;
    const beside = await meteredPricesBeside(database.connection, item.price.id);
    const metered = subscription.items.data.filter(isMetered);
    const left = metered.filter(({ price }) => !beside.includes(price.id));
    const inUse = await pricesInUse(
      database.connection,
      subscription.id,
      left.map(({ price }) => price.id),
    );
    const removes = left.filter(({ price }) => !inUse.has(price.id)).map(({ id }) => id);
    const adds = beside.filter((price) => !metered.some((one) => one.price.id === price));
    if (removes.length + adds.length === 0) return;
    const key = `overage-items/${subscription.id}/${item.current_period_start}/${[...removes, ...adds].join('/')}`;
    await client.changeMeteredItems(subscription.id, { adds, removes }, key);
  }

  return {
    run() {
      running ??= pass().finally(() => {
        running = null;
      });
      return running;
    },
  };
}

/** Somebody else is at the row. */
class Taken extends Error {
  override readonly name = 'Taken';
}

function meterReport(
  { price, meter, subscription }: OverageStanding,
  { from, to, at }: { from: number; to: number; at: number },
) {
  if (price === null) return null;
  const value = formatMeterQuantity(to - from, meter);
  const report = { eventName: price.eventName, customerId: subscription.customer, value, at: at / 1_000 };
  return { priceId: price.stripePriceId, from, to, report };
}
