/**
 * Brings the catalog's products and prices into Stripe: once, however often it runs and from however many processes.
 *
 * Nothing rests on what this database remembers: ids and lookup keys follow from the catalog alone, so that a push against
 * an account that has them finds them, and two pushes at the same time make the same calls with the same idempotency keys.
 * A price in Stripe never changes. When the catalog's does, a new one is made; customers stay on the one they bought.
 */

import { createHash } from 'node:crypto';
import {
  type Catalog,
  formatMoney,
  isPaid,
  LatchkeyError,
  money,
  type Plan,
  type Price,
  type Product,
} from '@latchkey/core';
import type { Database, Transaction } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import { listOveragePrices, type OveragePrice, recordOveragePrices } from './overage-price-repository.ts';
import { type CatalogPrice, listPrices, recordCurrentPrice } from './price-repository.ts';
import { pushOverage } from './push-overage.ts';
import type { StripeCatalogApi, StripePriceSummary } from './stripe-catalog-api.ts';

export interface PushCatalogOptions {
  database: Database;
  api: StripeCatalogApi;
  catalog: Catalog;
  clock: Clock;
  /** Writes an audit entry in the transaction of each change. */
  record?: (transaction: Transaction, entry: PushAuditEntry) => Promise<unknown>;
}

export interface PushAuditEntry {
  action: 'catalog.price_pushed' | 'catalog.overage_pushed';
  subjectType: 'plan' | 'product';
  subjectId: string;
  detail: Record<string, unknown>;
}

/** What a push found or did for one paid plan. */
export interface PushedPlan {
  product: string;
  plan: string;
  stripePriceId: string;
  /** `added`: this database did not know it; `replaced`: another price was current; `unchanged`: nothing to do. */
  change: 'added' | 'replaced' | 'unchanged';
}

/**
 * Pushes every plan that has to be paid for; free plans and those not for sale need nothing in Stripe. Throws
 * `catalog_invalid` when a price that the catalog names by its id does not exist in Stripe or differs there.
 */
export async function pushCatalog(options: PushCatalogOptions): Promise<PushedPlan[]> {
  const known = await listPrices(options.database.connection);
  const metered = await listOveragePrices(options.database.connection);
  const pushed: PushedPlan[] = [];
  for (const product of options.catalog.products) {
    const paid = product.plans.filter(isPaid);
    const makesPrices = paid.some((plan) => plan.price?.stripePriceId === null);
    let stripeProductId = makesPrices ? await pushProduct(options.api, product) : null;
    const overage = await pushOverage(options.api, product, async () => {
      stripeProductId ??= await pushProduct(options.api, product);
      return stripeProductId;
    });
    await rememberOverage(options, product, overage, metered);
    for (const plan of paid) {
      if (plan.price === null) continue;
      const price = await pushPrice(options.api, product, plan, plan.price, stripeProductId);
      pushed.push(await remember(options, price, known));
    }
  }
  return pushed;
}

type FoundPrice = Omit<CatalogPrice, 'current'>;

async function pushProduct(api: StripeCatalogApi, product: Product): Promise<string> {
  const { name, description } = product;
  const wanted = { id: `latchkey_${product.id}`, name, description, metadata: { latchkey_product: product.id } };
  const found = await api.findOrCreateProduct({ ...wanted, idempotencyKey: idempotencyKey('product', wanted) });
  if (found.name !== name || found.description !== description || !found.active) {
    await api.updateProduct(found.id, { name, description });
  }
  return found.id;
}

async function pushPrice(
  api: StripeCatalogApi,
  product: Product,
  plan: Plan,
  price: Price,
  stripeProductId: string | null,
): Promise<FoundPrice> {
  const ours = { product: product.id, plan: plan.id, fingerprint: fingerprintOf(price) };
  if (price.stripePriceId !== null || stripeProductId === null) {
    const existing = await existingPrice(api, product, plan, price);
    return { ...ours, stripeProductId: existing.productId, stripePriceId: existing.id };
  }
  const { amountCents, currency, interval, intervalCount } = price;
  const wanted = {
    productId: stripeProductId,
    lookupKey: `latchkey:${product.id}:${plan.id}:${ours.fingerprint}`,
    nickname: `${product.name} – ${plan.name}`,
    amountCents,
    currency,
    interval,
    intervalCount,
    metadata: { latchkey_product: product.id, latchkey_plan: plan.id },
  };
  const found = await api.findOrCreatePrice({ ...wanted, idempotencyKey: idempotencyKey('price', wanted) });
  if (!found.active) await api.activatePrice(found.id);
  return { ...ours, stripeProductId: found.productId, stripePriceId: found.id };
}

async function existingPrice(
  api: StripeCatalogApi,
  product: Product,
  plan: Plan,
  price: Price,
): Promise<StripePriceSummary> {
  const id = price.stripePriceId ?? '';
  const where = `The plan ${plan.id} of ${product.id}`;
  const found = await api.retrievePrice(id);
  if (found === null) {
    throw new LatchkeyError(
      'catalog_invalid',
      `${where} names the price ${id}, which this Stripe account does not have.`,
    );
  }
  const differences = [
    found.active ? null : 'is archived there',
    found.amountCents === price.amountCents && found.currency === price.currency
      ? null
      : `costs ${amountOf(found)} there and ${formatMoney(money(price.amountCents, price.currency))} in the catalog`,
    found.interval === price.interval && found.intervalCount === price.intervalCount
      ? null
      : `is paid ${rhythmOf(found)} there and ${rhythmOf(price)} in the catalog`,
  ].filter((difference) => difference !== null);
  if (differences.length === 0) return found;
  throw new LatchkeyError('catalog_invalid', `${where} names the price ${id}, which ${differences.join(', and ')}.`);
}

function amountOf(price: StripePriceSummary): string {
  return price.amountCents === null ? 'no single amount' : formatMoney(money(price.amountCents, price.currency));
}

function rhythmOf({ interval, intervalCount }: Pick<Price, 'interval' | 'intervalCount'>): string {
  if (interval === null) return 'once';
  return intervalCount === 1 ? `every ${interval}` : `every ${intervalCount} ${interval}s`;
}

async function remember(
  options: PushCatalogOptions,
  price: FoundPrice,
  known: readonly CatalogPrice[],
): Promise<PushedPlan> {
  const { product, plan, stripePriceId } = price;
  const ofPlan = known.filter((each) => each.current && each.product === product && each.plan === plan);
  const same = ofPlan.some(
    (each) =>
      each.fingerprint === price.fingerprint &&
      each.stripePriceId === stripePriceId &&
      each.stripeProductId === price.stripeProductId,
  );
  if (same && ofPlan.length === 1) return { product, plan, stripePriceId, change: 'unchanged' };
  const change = ofPlan.length === 0 ? 'added' : 'replaced';
  await options.database.transaction({ actor: { type: 'system', id: 'catalog' } }, async (transaction) => {
    await recordCurrentPrice(transaction, price, options.clock.now());
    await options.record?.(transaction, {
      action: 'catalog.price_pushed',
      subjectType: 'plan',
      subjectId: `${product}/${plan}`,
      detail: { stripe_price_id: stripePriceId, change },
    });
  });
  return { product, plan, stripePriceId, change };
}

async function rememberOverage(
  options: PushCatalogOptions,
  { id }: Product,
  wanted: readonly Omit<OveragePrice, 'current'>[],
  known: readonly OveragePrice[],
): Promise<void> {
  const namesOf = (prices: readonly Omit<OveragePrice, 'current'>[]) =>
    prices.map(({ plan, ...one }) => `${plan} ${one.eventName} ${one.stripePriceId} ${one.unitAmount}`).sort();
  const before = namesOf(known.filter(({ product, current }) => product === id && current));
  if (JSON.stringify(before) === JSON.stringify(namesOf(wanted))) return;
  await options.database.transaction({ actor: { type: 'system', id: 'catalog' } }, async (transaction) => {
    await recordOveragePrices(transaction, id, wanted, options.clock.now());
    await options.record?.(transaction, {
      action: 'catalog.overage_pushed',
      subjectType: 'product',
      subjectId: id,
      detail: { stripe_price_ids: wanted.map(({ stripePriceId }) => stripePriceId) },
    });
  });
}

/** What makes a price another price. A trial does not: Stripe keeps it on the subscription. */
function fingerprintOf(price: Price): string {
  if (price.stripePriceId !== null) return `existing:${price.stripePriceId}`;
  return digest([price.amountCents, price.currency, price.interval, price.intervalCount]).slice(0, 16);
}

/** The same for the same call, and another one as soon as a parameter differs: Stripe refuses a key with other parameters. */
function idempotencyKey(kind: 'product' | 'price', parameters: unknown): string {
  return `latchkey-catalog-${kind}-${digest(parameters).slice(0, 40)}`;
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
