import type Stripe from 'stripe';
import type { FetchedObject } from '../project.ts';
import type { Calls } from './calls.ts';

export interface NewCheckoutSession {
  mode: 'subscription' | 'payment';
  /** A price that exists; left out where `inlinePrice` makes one for this session alone. */
  priceId?: string;
  inlinePrice?: { name: string; amountCents: number; currency: string };
  quantity?: number;
  /** Prices of what is counted and billed beside it. */
  meteredPriceIds?: readonly string[];
  email?: string;
  customerId?: string;
  successUrl: string;
  cancelUrl: string;
  trialDays?: number;
  /** Taken off from the start. */
  discount?: { coupon: string } | { promotionCode: string };
  /** Whether a promotion code can be entered on the page; not where there is a discount already. */
  promotionCodes?: boolean;
  automaticTax?: boolean;
  metadata: Record<string, string>;
}

export interface StripeCheckoutSessions {
  createCheckoutSession(session: NewCheckoutSession, idempotencyKey: string): Promise<FetchedObject>;
  /** Stripe's id of the promotion code that customers enter like this and that can be used now; null when there is none. */
  promotionCode(code: string): Promise<string | null>;
}

export function checkoutSessionCalls({ sdk, call, timed }: Calls): StripeCheckoutSessions {
  return {
    createCheckoutSession: (session, idempotencyKey) =>
      timed('checkout.sessions.create', () =>
        sdk.checkout.sessions.create(checkoutParams(session), { idempotencyKey }),
      ),

    async promotionCode(code) {
      const list = await call('promotion_codes.list', () => sdk.promotionCodes.list({ code, active: true, limit: 1 }));
      return list.data[0]?.id ?? null;
    },
  };
}

function checkoutParams(session: NewCheckoutSession): Stripe.Checkout.SessionCreateParams {
  const { meteredPriceIds = [] } = session;
  const { mode, email, customerId, successUrl, cancelUrl, trialDays, metadata } = session;
  const trial = trialDays === undefined || trialDays === 0 ? {} : { trial_period_days: trialDays };
  return {
    mode,
    line_items: [lineItem(session), ...meteredPriceIds.map((price) => ({ price }))],
    success_url: successUrl,
    cancel_url: cancelUrl,
    metadata,
    ...(customerId === undefined ? {} : { customer: customerId }),
    ...(email === undefined || customerId !== undefined ? {} : { customer_email: email }),
    ...discountParams(session),
    ...taxParams(session),
    ...(mode === 'subscription'
      ? { subscription_data: { metadata, ...trial } }
      : {
          payment_intent_data: { metadata },
          ...(customerId === undefined ? { customer_creation: 'always' as const } : {}),
        }),
  };
}

function lineItem({
  priceId,
  inlinePrice,
  quantity = 1,
}: NewCheckoutSession): Stripe.Checkout.SessionCreateParams.LineItem {
  if (inlinePrice === undefined) return { ...(priceId === undefined ? {} : { price: priceId }), quantity };
  const { name, amountCents, currency } = inlinePrice;
  return { price_data: { currency, unit_amount: amountCents, product_data: { name } }, quantity };
}

function discountParams({
  discount,
  promotionCodes = false,
}: NewCheckoutSession): Pick<Stripe.Checkout.SessionCreateParams, 'discounts' | 'allow_promotion_codes'> {
  if (discount === undefined) return promotionCodes ? { allow_promotion_codes: true } : {};
  return { discounts: ['coupon' in discount ? discount : { promotion_code: discount.promotionCode }] };
}

/** The tax depends on where the customer is: the page asks, and a customer whom Stripe knows already keeps the answer. */
function taxParams({
  automaticTax = false,
  customerId,
}: NewCheckoutSession): Pick<
  Stripe.Checkout.SessionCreateParams,
  'automatic_tax' | 'billing_address_collection' | 'customer_update'
> {
  if (!automaticTax) return {};
  return {
    automatic_tax: { enabled: true },
    billing_address_collection: 'required',
    ...(customerId === undefined ? {} : { customer_update: { address: 'auto' } }),
  };
}
