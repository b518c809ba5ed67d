import { type Interval, LatchkeyError } from '@latchkey/core';
import Stripe from 'stripe';
import type {
  NewMeteredPrice,
  NewStripePrice,
  StripeCatalogApi,
  StripePriceSummary,
} from '../../catalog/stripe-catalog-api.ts';
import { type Calls, PAGE } from './calls.ts';
import { absentIfMissing, isTaken } from './errors.ts';

/** Under which names an event says whose use it is and how much. */
export const METER_PAYLOAD = { customer: 'stripe_customer_id', value: 'value' } as const;

/** Products and prices, as the catalog pushes them. */
export function catalogCalls({ sdk, call }: Calls): StripeCatalogApi {
  const findPrice = async (lookupKey: string) => {
    // Stripe lists active and archived prices together unless told otherwise.
    const list = await call('prices.list', () => sdk.prices.list({ lookup_keys: [lookupKey], limit: 1 }));
    return list.data[0];
  };
  const findOrCreatePrice = async (
    { lookupKey, idempotencyKey }: { lookupKey: string; idempotencyKey: string },
    params: Stripe.PriceCreateParams,
  ): Promise<StripePriceSummary> => {
    const found =
      (await findPrice(lookupKey)) ??
      (await call('prices.create', () =>
        sdk.prices.create(params, { idempotencyKey }).catch((error: unknown) => {
          if (isTaken(error)) return null;
          throw error;
        }),
      )) ??
      (await findPrice(lookupKey));
    if (found === undefined)
      throw new LatchkeyError('stripe_rejected', `Stripe neither has nor makes the price ${lookupKey}.`);
    return priceSummary(found);
  };
  /** Stripe has no list by the name of an event. */
  const findMeter = async (eventName: string): Promise<{ id: string } | null> => {
    let page: Stripe.Billing.MeterListParams = { limit: PAGE, status: 'active' };
    for (;;) {
      const asked = page;
      const list = await call('billing.meters.list', () => sdk.billing.meters.list(asked));
      const found = list.data.find((meter) => meter.event_name === eventName);
      const last = list.data.at(-1);
      if (found !== undefined) return found;
      if (!list.has_more || last === undefined) return null;
      page = { ...page, starting_after: last.id };
    }
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

    findOrCreatePrice: (price) => findOrCreatePrice(price, priceParams(price)),

    async findOrCreateMeter({ eventName, name, idempotencyKey }) {
      const params = {
        event_name: eventName,
        display_name: name,
        default_aggregation: { formula: 'sum' as const },
        customer_mapping: { type: 'by_id' as const, event_payload_key: METER_PAYLOAD.customer },
        value_settings: { event_payload_key: METER_PAYLOAD.value },
      };
      const found =
        (await findMeter(eventName)) ??
        (await call('billing.meters.create', () =>
          sdk.billing.meters.create(params, { idempotencyKey }).catch((error: unknown) => {
            if (isTaken(error, 'event_name')) return null;
            throw error;
          }),
        )) ??
        (await findMeter(eventName));
      if (found === null)
        throw new LatchkeyError('stripe_rejected', `Stripe neither has nor makes the meter ${eventName}.`);
      return found.id;
    },

    findOrCreateMeteredPrice: (price) => findOrCreatePrice(price, meteredParams(price)),

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

function meteredParams(price: NewMeteredPrice): Stripe.PriceCreateParams {
  const { productId, meterId, lookupKey, nickname, unitAmount, currency, interval, intervalCount, metadata } = price;
  return {
    product: productId,
    lookup_key: lookupKey,
    nickname,
    unit_amount_decimal: Stripe.Decimal.from(unitAmount),
    currency,
    metadata,
    recurring: { interval, interval_count: intervalCount, usage_type: 'metered', meter: meterId },
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
