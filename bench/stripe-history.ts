import { startStripeSandbox } from '@latchkey/stripe-sandbox';

/** An object as Stripe renders it. */
export interface StripeJson {
  id: string;
  object: string;
  [field: string]: unknown;
}

/** An event as Stripe delivers it. */
export interface StripeEvent extends StripeJson {
  type: string;
  created: number;
  data: { object: StripeJson };
}

const TOKEN = 'the-control-token-of-a-benchmark';
const DAY = 86_400;
/** The day after the second renewal. */
const HISTORY_DAYS = 64;

/**
 * What Stripe tells of `customers` who each bought a subscription two months ago and renewed it twice: every event, the oldest first.
 * The local Stripe lives it through on its own clock; afterwards all times are moved back, so that the history ends now.
 */
export async function liveHistory(customers: number): Promise<StripeEvent[]> {
  const sandbox = await startStripeSandbox({ port: 0, stateFile: ':memory:', adminToken: TOKEN });
  try {
    const call = (path: string, form?: Record<string, string>) =>
      request(`${sandbox.url}${path}`, 'sk_test_bench', form);
    const product = await call('/v1/products', { name: 'Infinite Server26' });
    const price = await call('/v1/prices', {
      product: product.id,
      unit_amount: '2500',
      currency: 'usd',
      'recurring[interval]': 'month',
    });
    for (let number = 0; number < customers; number += 1) {
      const customer = await call('/v1/customers', {
        email: `customer-${number}@example.com`,
        payment_method: 'pm_card_visa',
        'invoice_settings[default_payment_method]': 'pm_card_visa',
      });
      await call('/v1/subscriptions', {
        customer: customer.id,
        'items[0][price]': price.id,
        'metadata[latchkey_product]': 'infinite-server26',
        'metadata[latchkey_plan]': 'license',
      });
    }
    const to = new Date(Date.now() + HISTORY_DAYS * DAY * 1_000).toISOString();
    await request(`${sandbox.url}/_sandbox/clock`, TOKEN, { to }, 'json');
    return (await allEvents(call)).map((event) => movedBack(event, HISTORY_DAYS * DAY) as StripeEvent);
  } finally {
    await sandbox.close();
  }
}

async function request(
  url: string,
  token: string,
  fields?: Record<string, string>,
  as: 'form' | 'json' = 'form',
): Promise<StripeJson> {
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${token}` },
    ...(fields === undefined
      ? {}
      : { method: 'POST', body: as === 'json' ? JSON.stringify(fields) : new URLSearchParams(fields) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`);
  return JSON.parse(text) as StripeJson;
}

async function allEvents(call: (path: string) => Promise<StripeJson>): Promise<StripeEvent[]> {
  const events: StripeEvent[] = [];
  for (;;) {
    const last = events.at(-1);
    const page = await call(`/v1/events?limit=100${last === undefined ? '' : `&starting_after=${last.id}`}`);
    events.push(...(page.data as StripeEvent[]));
    if (page.has_more !== true) return events.reverse();
  }
}

/** Numbers of this size are Unix times; no amount and no count here comes near. */
const firstTime = 1_500_000_000;

function movedBack(value: unknown, seconds: number): unknown {
  if (typeof value === 'number') return value >= firstTime ? value - seconds : value;
  if (Array.isArray(value)) return value.map((one) => movedBack(one, seconds));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, movedBack(one, seconds)]));
}
