import { fileURLToPath } from 'node:url';
import Stripe from 'stripe';
import { openShop, type Shop } from '../../../packages/server/test/support/shop.ts';
import type { Wire } from '../../support/wire.ts';
import type { Chance } from './chance.ts';

/** A plan as it is sold at Stripe. */
export interface Offer {
  product: string;
  plan: string;
  price: string;
}

/** A server, its local Stripe, and another program of the vendor's that uses the same account. */
export interface World {
  shop: Shop;
  /** The other program's client: Latchkey hears of what it does by webhooks alone. */
  stripe: Stripe;
  offers: readonly Offer[];
  /** How webhooks arrive from now on. */
  changeWeather(chance: Chance): Promise<void>;
  /** All events arrive, in order. */
  calm(): Promise<void>;
  advance(hours: number): Promise<void>;
  /** Compares everything with Stripe and takes over what differs. Answers what was found. */
  reconcile(mode: 'report' | 'fix'): Promise<Wire>;
  close(): Promise<void>;
}

/** Those that Latchkey lives on; each may be lost for a while. */
const EVENTS = [
  'charge.dispute.closed',
  'charge.dispute.created',
  'charge.dispute.funds_reinstated',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.updated',
  'charge.failed',
  'charge.refund.updated',
  'charge.refunded',
  'charge.succeeded',
  'checkout.session.completed',
  'checkout.session.expired',
  'customer.created',
  'customer.deleted',
  'customer.subscription.created',
  'customer.subscription.deleted',
  'customer.subscription.trial_will_end',
  'customer.subscription.updated',
  'customer.updated',
  'invoice.created',
  'invoice.finalized',
  'invoice.marked_uncollectible',
  'invoice.paid',
  'invoice.payment_action_required',
  'invoice.payment_failed',
  'invoice.payment_succeeded',
  'invoice.updated',
  'invoice.voided',
  'invoice_payment.paid',
  'payment_intent.canceled',
  'payment_intent.created',
  'payment_intent.payment_failed',
  'payment_intent.requires_action',
  'payment_intent.succeeded',
  'price.created',
  'price.updated',
  'product.created',
  'product.updated',
  'refund.created',
  'refund.failed',
  'refund.updated',
];

export async function openWorld(): Promise<World> {
  const shop = await openShop({ CATALOG: fileURLToPath(new URL('catalog.yaml', import.meta.url)) });
  const { app } = shop.server;
  const address = new URL(app.localStripe?.url ?? '');
  const stripe = new Stripe('sk_test_another_program', {
    protocol: 'http',
    host: address.hostname,
    port: address.port,
    maxNetworkRetries: 0,
  });
  const prices = await app.database.connection
    .selectFrom('catalog_prices')
    .select(['product', 'plan', 'stripe_price_id as price'])
    .orderBy('product')
    .orderBy('plan')
    .execute();
  const [endpoint] = (await stripe.webhookEndpoints.list()).data;
  if (endpoint === undefined) throw new Error('The server registered no webhook endpoint.');

  const setWeather = async (mode: string, events: readonly string[]) => {
    // What waits under the weather before goes out before it changes.
    await shop.settle();
    await shop.control('/webhooks', { mode });
    const enabled_events = events as Stripe.WebhookEndpointUpdateParams.EnabledEvent[];
    await stripe.webhookEndpoints.update(endpoint.id, { enabled_events });
  };

  return {
    shop,
    stripe,
    offers: prices,
    async changeWeather(chance) {
      // Of twenty times one loses everything and two lose half the kinds of events: together a tenth of all.
      const kind = chance.below(20);
      if (kind === 0) return setWeather('drop', ['*']);
      const mode = chance.one(['shuffle', 'duplicate']);
      await setWeather(mode, kind <= 2 ? EVENTS.filter(() => chance.inHundred(50)) : ['*']);
    },
    calm: () => setWeather('normal', ['*']),
    async advance(hours) {
      const { status, body } = await shop.vendor('POST', '/sandbox/time/advance', { hours });
      if (status !== 200) throw new Error(`The clock did not move: ${JSON.stringify(body)}`);
    },
    async reconcile(mode) {
      const run = await app.reconciler.run(mode);
      if (run.status !== 'done') throw new Error(`The comparison with Stripe broke off: ${run.error}`);
      await shop.settle();
      return run;
    },
    close: () => shop.close(),
  };
}
