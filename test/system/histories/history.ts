import Stripe from 'stripe';
import type { Chance } from './chance.ts';
import type { Offer, World } from './world.ts';

/** One buyer's life, as its seed has it. */
export interface History {
  readonly name: string;
  /** What was done so far, for whoever has to find out what went wrong. */
  readonly log: string[];
  /** Everything that may happen, and how often it did: asked for in vain, it did not. */
  readonly happened: ReadonlyMap<string, number>;
  /** Does one thing that may happen. */
  act(): Promise<void>;
}

type Act = () => Promise<string>;

/** What Latchkey may answer to somebody whose picture of Stripe is older or newer than its own. */
const UNDERSTANDABLE = [400, 402, 404, 409];

export function createHistory(world: World, name: string, chance: Chance): History {
  const { stripe, shop } = world;
  const customers: string[] = [];
  const log: string[] = [];

  async function newCustomer(): Promise<string> {
    const { id } = await stripe.customers.create({ email: `${name}@example.com`, name });
    const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: id });
    await stripe.customers.update(id, { invoice_settings: { default_payment_method: card.id } });
    customers.push(id);
    return id;
  }

  const running = async (): Promise<Stripe.Subscription[]> => {
    const lists = await Promise.all(customers.map((customer) => stripe.subscriptions.list({ customer, limit: 100 })));
    return lists.flatMap(({ data }) => data).filter(({ metadata }) => metadata.foreign === undefined);
  };
  /** The plans that one may change to; the same where there is no other. */
  const others = (product: string | undefined, price: string | undefined): readonly Offer[] => {
    const plans = world.offers.filter((offer) => offer.product === product);
    return plans.length > 1 ? plans.filter((offer) => offer.price !== price) : plans;
  };
  /** Those with a change that waits, if there are any. */
  const changing = async (): Promise<Stripe.Subscription[]> => {
    const all = await running();
    const waiting = all.filter(({ schedule }) => schedule !== null);
    return waiting.length === 0 ? all : waiting;
  };
  const charges = async (): Promise<Stripe.Charge[]> => {
    const lists = await Promise.all(customers.map((customer) => stripe.charges.list({ customer, limit: 100 })));
    return lists.flatMap(({ data }) => data).filter(({ status }) => status === 'succeeded');
  };
  async function choose<T>(all: Promise<readonly T[]>, then: (one: T) => Promise<string>): Promise<string> {
    const found = await all;
    return found.length === 0 ? 'nothing to act on' : then(chance.one(found));
  }
  async function ask(method: string, path: string, body: unknown): Promise<string> {
    const { status, body: answer } = await shop.vendor(method, path, body);
    if (status >= 300 && !UNDERSTANDABLE.includes(status)) {
      throw new Error(`${method} ${path} was answered ${status}: ${JSON.stringify(answer)}`);
    }
    return `${method} ${path}: ${status}`;
  }

  const acts: Record<string, { weight: number; act: Act }> = {
    'buy by Checkout': {
      weight: 12,
      async act() {
        const { product, plan } = chance.one(world.offers);
        const { body } = await shop.vendor('POST', '/v1/checkouts', { product, plan, email: `${name}@example.com` });
        const session = await shop.control(`/checkout/sessions/${body.id}/complete`, {
          payment_method: 'pm_card_visa',
        });
        customers.push(session.customer);
        return `${product}/${plan} ${session.subscription}`;
      },
    },
    'buy through another program': {
      weight: 12,
      async act() {
        const customer = customers.length > 0 && chance.inHundred(60) ? chance.one(customers) : await newCustomer();
        const { product, plan, price } = chance.one(world.offers);
        const trial = chance.inHundred(25) ? { trial_period_days: 1 + chance.below(20) } : {};
        const quantity = 1 + chance.below(3);
        const bought = await stripe.subscriptions.create({ customer, items: [{ price, quantity }], ...trial });
        return `${product}/${plan} × ${quantity} ${bought.id} ${bought.status}`;
      },
    },
    'buy what is none of ours': {
      weight: 5,
      async act() {
        const price = await stripe.prices.create({
          currency: 'usd',
          unit_amount: 700,
          recurring: { interval: 'month' },
          product_data: { name: 'Another program’s own' },
        });
        const items = [{ price: price.id }];
        return (
          await stripe.subscriptions.create({ customer: await newCustomer(), items, metadata: { foreign: 'yes' } })
        ).id;
      },
    },
    'change the plan': {
      weight: 14,
      act: () =>
        choose(running(), async ({ id, items }) => {
          const [item] = items.data;
          const { product } = world.offers.find(({ price }) => price === item?.price.id) ?? {};
          const { plan, price } = chance.one(others(product, item?.price.id));
          if (chance.inHundred(50)) {
            const how = chance.one([{ when: 'now' }, { when: 'period_end' }, { when: 'period_end' }, {}]);
            const answered = await ask('POST', `/v1/subscriptions/${id}/change`, { plan, ...how });
            return `${answered} to ${plan} (${JSON.stringify(how)})`;
          }
          const proration_behavior = chance.one(['always_invoice', 'create_prorations', 'none'] as const);
          await stripe.subscriptions.update(id, { items: [{ id: item?.id ?? '', price }], proration_behavior });
          return `${id} to ${plan} (${proration_behavior})`;
        }),
    },
    'take a change back that waits': {
      weight: 3,
      act: () =>
        choose(changing(), async ({ id, items, schedule }) => {
          const [item] = items.data;
          const { product } = world.offers.find(({ price }) => price === item?.price.id) ?? {};
          const { plan } = chance.one(others(product, item?.price.id));
          // Where none waits, somebody asks for one and thinks better of it at once.
          if (schedule === null) await ask('POST', `/v1/subscriptions/${id}/change`, { plan, when: 'period_end' });
          return ask('POST', `/v1/subscriptions/${id}/change/cancel`, {});
        }),
    },
    'change the quantity': {
      weight: 6,
      act: () =>
        choose(running(), async ({ id, items }) => {
          const quantity = 1 + chance.below(4);
          await stripe.subscriptions.update(id, { items: [{ id: items.data[0]?.id ?? '', quantity }] });
          return `${id} to ${quantity}`;
        }),
    },
    'the card stops paying': {
      weight: 10,
      act: () =>
        choose(Promise.resolve(customers), async (customer) => {
          await shop.control(`/customers/${customer}/payment_method`, { payment_method: 'pm_card_chargeCustomerFail' });
          return customer;
        }),
    },
    'another card, and what is owed is paid': {
      weight: 12,
      act: () =>
        choose(Promise.resolve(customers), async (customer) => {
          await shop.control(`/customers/${customer}/payment_method`, { payment_method: 'pm_card_visa' });
          const { data } = await stripe.invoices.list({ customer, status: 'open', limit: 100 });
          for (const { id } of data) await stripe.invoices.pay(id);
          return `${customer}, ${data.length} invoices`;
        }),
    },
    'cancel now': {
      weight: 5,
      act: () =>
        choose(running(), async ({ id }) => {
          if (chance.inHundred(50)) return ask('POST', `/v1/subscriptions/${id}/cancel`, { at_period_end: false });
          await stripe.subscriptions.cancel(id);
          return `${id} at Stripe`;
        }),
    },
    'cancel at the end of the period': {
      weight: 8,
      act: () =>
        choose(running(), async ({ id }) => {
          if (chance.inHundred(50)) return ask('POST', `/v1/subscriptions/${id}/cancel`, { at_period_end: true });
          await stripe.subscriptions.update(id, { cancel_at_period_end: true });
          return `${id} at Stripe`;
        }),
    },
    'undo the cancellation': {
      weight: 6,
      act: () =>
        choose(running(), async ({ id }) => {
          if (chance.inHundred(50)) return ask('POST', `/v1/subscriptions/${id}/resume`, {});
          await stripe.subscriptions.update(id, { cancel_at_period_end: false });
          return `${id} at Stripe`;
        }),
    },
    'give money back': {
      weight: 7,
      act: () =>
        choose(charges(), async (charge) => {
          const left = charge.amount - charge.amount_refunded;
          if (left === 0) return `${charge.id} has nothing left`;
          const amount = chance.inHundred(50) ? left : 1 + chance.below(left);
          if (chance.inHundred(50)) return ask('POST', '/v1/refunds', { payment: charge.id, amount });
          await stripe.refunds.create({ charge: charge.id, amount });
          return `${amount} of ${charge.id} at Stripe`;
        }),
    },
    'dispute a charge': {
      weight: 7,
      act: () =>
        choose(charges(), async ({ id, disputed, refunded }) => {
          if (disputed || refunded) return `${id} cannot be disputed`;
          return (await shop.control(`/charges/${id}/dispute`, { inquiry: chance.inHundred(20) })).id;
        }),
    },
    'decide a dispute': {
      weight: 5,
      async act() {
        const { data } = await stripe.disputes.list({ limit: 100 });
        const mine = new Set((await charges()).map(({ id }) => id));
        const open = data.filter(
          ({ charge, status }) => mine.has(String(charge)) && /needs_response|under_review/.test(status),
        );
        return choose(Promise.resolve(open), async ({ id, status }) => {
          const outcome = status.startsWith('warning_') ? 'warning_closed' : chance.one(['won', 'lost']);
          await shop.control(`/disputes/${id}/close`, { status: outcome });
          return `${id} ${outcome}`;
        });
      },
    },
    'move to another address': {
      weight: 2,
      act: () =>
        choose(Promise.resolve(customers), async (customer) => {
          await stripe.customers.update(customer, { email: `${name}-${chance.below(1_000)}@example.com` });
          return customer;
        }),
    },
    nothing: { weight: 10, act: async () => '' },
  };
  const happened = new Map(Object.keys(acts).map((what) => [what, 0]));
  /** What is done next because of what was done last: otherwise nothing would be there to act on, most times. */
  let reaction: string | null = null;

  return {
    name,
    log,
    happened,
    async act() {
      const what = reaction ?? (customers.length === 0 ? chance.one(FIRST) : weighted(acts, chance));
      reaction = null;
      const outcome = await declinesAside(acts[what]?.act);
      log.push(`${what}: ${outcome}`);
      if (IN_VAIN.test(outcome)) return;
      happened.set(what, (happened.get(what) ?? 0) + 1);
      if (what === 'dispute a charge' && chance.inHundred(75)) reaction = 'decide a dispute';
    },
  };
}

/** What is logged of an act that changed nothing. */
const IN_VAIN = /^(nothing to act on|declined|refused)|: 4\d\d\b|nothing left$|cannot be disputed$/;

const FIRST = ['buy by Checkout', 'buy through another program'];

function weighted(acts: Readonly<Record<string, { weight: number }>>, chance: Chance): string {
  const all = Object.entries(acts).flatMap(([name, { weight }]) => Array<string>(weight).fill(name));
  return chance.one(all);
}

/** A card that does not pay, and an object that has moved on since it was chosen, are part of life. */
async function declinesAside(act: Act | undefined): Promise<string> {
  try {
    return (await act?.()) ?? '';
  } catch (error) {
    if (error instanceof Stripe.errors.StripeCardError) return `declined: ${error.message}`;
    if (error instanceof Stripe.errors.StripeInvalidRequestError) return `refused: ${error.message}`;
    throw error;
  }
}
