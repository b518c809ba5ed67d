import type { Wire } from '../../support/wire.ts';
import type { World } from './world.ts';

/** The lists of Stripe's API, by the name under which the mirror keeps what is in them. */
const LISTS = {
  customer: '/v1/customers?',
  subscription: '/v1/subscriptions?status=all&',
  invoice: '/v1/invoices?',
  invoice_payment: '/v1/invoice_payments?',
  payment_intent: '/v1/payment_intents?',
  charge: '/v1/charges?',
  refund: '/v1/refunds?',
  dispute: '/v1/disputes?',
  checkout_session: '/v1/checkout/sessions?',
  product: '/v1/products?',
  price: '/v1/prices?',
} as const;

export type ListedType = keyof typeof LISTS;

/** Everything Stripe has, read from its lists to their ends, as it came over the wire. */
export interface StripeState {
  readonly now: number;
  all(type: ListedType): readonly Wire[];
  types: readonly ListedType[];
}

export async function readStripe({ shop }: World): Promise<StripeState> {
  const objects = new Map<ListedType, Wire[]>();
  const types = Object.keys(LISTS) as ListedType[];
  for (const type of types) {
    const found: Wire[] = [];
    for (;;) {
      const last = found.at(-1);
      const after = last === undefined ? '' : `&starting_after=${last.id}`;
      const page = await shop.stripe('GET', `${LISTS[type]}limit=100${after}`);
      found.push(...page.data);
      if (page.has_more !== true) break;
    }
    objects.set(type, found);
  }
  return { now: shop.server.app.clock.now().getTime(), types, all: (type) => objects.get(type) ?? [] };
}
