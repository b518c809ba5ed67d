/**
 * Brings what a catalog charges beyond its plans into Stripe: for each rate a meter of its own and the metered price of what that
 * counts. A meter adds up everything a customer is reported to have used, so two rates on one meter would each bill the other's.
 */

import { createHash } from 'node:crypto';
import { type MeteredOverage, meteredOverage, type Plan, type Product } from '@latchkey/core';
import type { OveragePrice } from './overage-price-repository.ts';
import type { StripeCatalogApi } from './stripe-catalog-api.ts';

type Pushed = Omit<OveragePrice, 'current'>;

/** Makes what is missing of a product's meters and metered prices; answers all that it wants. */
export async function pushOverage(
  api: StripeCatalogApi,
  product: Product,
  stripeProduct: () => Promise<string>,
): Promise<Pushed[]> {
  const pushed: Pushed[] = [];
  for (const plan of product.plans) {
    for (const overage of meteredOverage(product, plan)) {
      pushed.push(await pushRate(api, product, plan, overage, await stripeProduct()));
    }
  }
  return pushed;
}

async function pushRate(
  api: StripeCatalogApi,
  product: Product,
  plan: Plan,
  { meter, rate, unitAmount }: MeteredOverage,
  productId: string,
): Promise<Pushed> {
  const { interval = null, intervalCount = 1 } = plan.price ?? {};
  const { currency } = rate;
  const fingerprint = digest([unitAmount, currency, interval, intervalCount]).slice(0, 16);
  const eventName = eventNameOf(product.id, plan.id, meter.id, fingerprint);
  const nickname = `${product.name} – ${plan.name}: ${meter.name} beyond the plan`;
  const wantedMeter = { eventName, name: nickname };
  const stripeMeterId = await api.findOrCreateMeter({ ...wantedMeter, idempotencyKey: keyOf('meter', wantedMeter) });
  const wanted = {
    productId,
    meterId: stripeMeterId,
    lookupKey: `latchkey:${product.id}:${plan.id}:${meter.id}:${fingerprint}`,
    nickname,
    unitAmount,
    currency,
    interval: interval ?? ('month' as const),
    intervalCount,
    metadata: { latchkey_product: product.id, latchkey_plan: plan.id, latchkey_meter: meter.id },
  };
  const price = await api.findOrCreateMeteredPrice({ ...wanted, idempotencyKey: keyOf('metered-price', wanted) });
  if (!price.active) await api.activatePrice(price.id);
  const ours = { product: product.id, plan: plan.id, meter: meter.id, fingerprint, unitAmount, currency, eventName };
  return { ...ours, stripeMeterId, stripePriceId: price.id };
}

/** Stripe's bound for the name of an event. */
const LONGEST_NAME = 100;

function eventNameOf(...parts: string[]): string {
  const name = `latchkey_${parts.join('_')}`;
  return name.length <= LONGEST_NAME ? name : `latchkey_${digest(parts).slice(0, 40)}`;
}

function keyOf(kind: string, parameters: unknown): string {
  return `latchkey-catalog-${kind}-${digest(parameters).slice(0, 40)}`;
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
