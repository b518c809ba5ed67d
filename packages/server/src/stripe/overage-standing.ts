import {
  type Catalog,
  findOffer,
  type Meter,
  type OverageAccount,
  type OveragePayer,
  stepsPerUnit,
  unitAmountDecimal,
} from '@latchkey/core';
import { listOveragePrices, type OveragePrice } from '../catalog/overage-price-repository.ts';
import type { Connection } from '../db/database.ts';
import { parseAccountId } from '../modules/ledger/index.ts';
import { isMetered, ownItem } from './metered-items.ts';
import { mirror } from './mirror.ts';
import { type OverageRow, otherSubscriptions } from './overage-repository.ts';
import type { StripeSubscription } from './shapes.ts';

/** What is known of a row, here and in the mirror, when it is decided what comes next. */
export interface OverageStanding {
  readonly row: OverageRow;
  readonly account: OverageAccount;
  readonly payer: OveragePayer;
  readonly meter: Meter;
  readonly titles: { readonly product: string; readonly plan: string };
  readonly subscription: StripeSubscription;
  /** The metered price that bills this rate on the subscription; null where none does. */
  readonly price: OveragePrice | null;
}

const ENDED = ['canceled', 'incomplete_expired'];

/** Where a row stands; null when the catalog does not know its meter any more, or the mirror not its subscription. */
export async function overageStanding(
  connection: Connection,
  catalog: Catalog,
  row: OverageRow,
): Promise<OverageStanding | null> {
  const { product, meter: meterId } = parseAccountId(row.account);
  const offered = catalog.products.find(({ id }) => id === product);
  const meter = offered?.meters.find(({ id }) => id === meterId);
  const subscription = row.reference === null ? null : await mirror.subscription(connection, row.reference);
  const item = subscription === null ? undefined : ownItem(subscription);
  if (offered === undefined || meter === undefined || subscription === null || item === undefined) return null;
  const prices = await listOveragePrices(connection);
  const price = priceOf({ ...row, product, meter: meterId }, subscription, prices);
  const { status } = subscription;
  const plan = findOffer(catalog, product, row.plan)?.plan.name ?? row.plan;
  return {
    row,
    account: accountOf(row, meter),
    payer: {
      periodStart: item.current_period_start * 1_000,
      trial: trialOf(subscription),
      hasEnded: ENDED.includes(status),
      isMetered: row.refusal === null && price !== null && (await isAlone(connection, row, price)),
    },
    meter,
    titles: { product: offered.name, plan },
    subscription,
    price,
  };
}

export function accountOf(row: OverageRow, meter: Meter): OverageAccount {
  const { amountCents, perUnits, currency, units, reported, metered, itemizedCents } = row;
  return {
    windowStart: row.windowStart.getTime(),
    windowEnd: row.windowEnd.getTime(),
    price: { amountCents, perUnits, currency },
    stepsOfUnit: stepsPerUnit(meter),
    ...{ units, reported, metered, itemizedCents },
    reportedAt: row.reportedAt?.getTime() ?? null,
  };
}

function trialOf({ trial_start: start, trial_end: end }: StripeSubscription): OveragePayer['trial'] {
  return start === null || end === null ? null : { start: start * 1_000, end: end * 1_000 };
}

function priceOf(
  row: OverageRow & { product: string; meter: string },
  { items }: StripeSubscription,
  known: readonly OveragePrice[],
): OveragePrice | null {
  const unitAmount = unitAmountDecimal(row);
  const found = known.filter(
    (price) =>
      price.product === row.product &&
      price.plan === row.plan &&
      price.meter === row.meter &&
      price.unitAmount === unitAmount &&
      price.currency === row.currency,
  );
  const counted = new Set(items.data.filter(isMetered).map((item) => item.price.id));
  const price = found.find(({ stripePriceId }) => counted.has(stripePriceId)) ?? null;
  // What one price has begun to count, no other goes on with.
  return row.stripePriceId === null || row.stripePriceId === price?.stripePriceId ? price : null;
}

/** A meter adds up all that a customer used: with two subscriptions on it, each would bill the other's use as well. */
async function isAlone(connection: Connection, row: OverageRow, { stripePriceId }: OveragePrice): Promise<boolean> {
  for (const reference of await otherSubscriptions(connection, row)) {
    const other = await mirror.subscription(connection, reference);
    if (other?.items.data.some(({ price }) => price.id === stripePriceId)) return false;
  }
  return true;
}
