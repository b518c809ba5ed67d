import { type Interval, LatchkeyError } from '@latchkey/core';
import type Stripe from 'stripe';
import type { NewStripePrice, StripeCatalogApi, StripePriceSummary } from '../../catalog/stripe-catalog-api.ts';
import type { Calls } from './calls.ts';
import { absentIfMissing, isTaken } from './errors.ts';

/** Products and prices, as the catalog pushes them. */
export function catalogCalls({ sdk, call }: Calls): StripeCatalogApi {
  const findPrice = async (lookupKey: string) => {
    // Stripe lists active and archived prices together unless told otherwise.
    const list = await call('prices.list', () => sdk.prices.list({ lookup_keys: [lookupKey], limit: 1 }));
    return list.data[0];
  };
  return {
    async findOrCreateProduct({ idempotencyKey, description, ...product }) {
      const wanted = { ...product, ...(description === null ? {} : { description }) };
      const find = () => call('products.retrieve', () => sdk.products.retrieve(product.id).catch(absentIfMissing));
      const found =
        (await find()) ??
        (await call('products.create', () =>
          sdk.products.create(wanted, { idempotencyKey }).catch((error: unknown) => {
            if (isTaken(error)) return null;
            throw error;
          }),
        )) ??
        (await find());
      if (found === null)
        throw new LatchkeyError('stripe_rejected', `Stripe neither has nor makes the product ${product.id}.`);
      return { id: found.id, name: found.name, description: found.description, active: found.active };
    },

    async updateProduct(id, { name, description }) {
      const changes = { name, description: description ?? '', active: true };
      await call('products.update', () => sdk.products.update(id, changes));
    },

    async findOrCreatePrice(price) {
      const found =
        (await findPrice(price.lookupKey)) ??
        (await call('prices.create', () =>
          sdk.prices.create(priceParams(price), { idempotencyKey: price.idempotencyKey }).catch((error: unknown) => {
            if (isTaken(error)) return null;
            throw error;
          }),
        )) ??
        (await findPrice(price.lookupKey));
      if (found === undefined)
        throw new LatchkeyError('stripe_rejected', `Stripe neither has nor makes the price ${price.lookupKey}.`);
      return priceSummary(found);
    },

    async activatePrice(id) {
      await call('prices.update', () => sdk.prices.update(id, { active: true }));
    },

    async retrievePrice(id) {
      const price = await call('prices.retrieve', () => sdk.prices.retrieve(id).catch(absentIfMissing));
      return price === null ? null : priceSummary(price);
    },
  };
}

function priceParams(price: NewStripePrice): Stripe.PriceCreateParams {
  const { productId, lookupKey, nickname, amountCents, currency, interval, intervalCount, metadata } = price;
  return {
    product: productId,
    lookup_key: lookupKey,
    nickname,
    unit_amount: amountCents,
    currency,
    metadata,
    ...(interval === null ? {} : { recurring: { interval, interval_count: intervalCount } }),
  };
}

const INTERVALS: readonly Interval[] = ['day', 'week', 'month', 'year'];

function priceSummary(price: Stripe.Price): StripePriceSummary {
  return {
    id: price.id,
    productId: typeof price.product === 'string' ? price.product : price.product.id,
    active: price.active,
    lookupKey: price.lookup_key,
    amountCents: price.unit_amount,
    currency: price.currency,
    interval: INTERVALS.find((interval) => interval === price.recurring?.interval) ?? null,
    intervalCount: price.recurring?.interval_count ?? 1,
  };
}
