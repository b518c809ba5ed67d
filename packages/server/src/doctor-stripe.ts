/** What can go wrong between Stripe and us: the key, the account, the webhook, what was and was not delivered. */

import { type Catalog, isPaid, LatchkeyError } from '@latchkey/core';
import type { App } from './app.ts';
import { currentPrice } from './catalog/price-repository.ts';
import { readStamp } from './config/stamp.ts';
import type { Connection } from './db/database.ts';
import { type Finding, failure, ok, type Question, reasonOf, warning } from './doctor.ts';
import { readBillingFacts } from './server-health.ts';
import { type BillingPart, judgeBilling } from './stripe/billing-health.ts';
import type { StripeClient, WebhookEndpoint } from './stripe/client/index.ts';
import { HANDLED_EVENTS } from './stripe/handled-events.ts';

const ENDPOINT_NEXT = 'npx latchkey golive';

/** Every question about Stripe, for a server that runs. */
export function stripeQuestions(app: App): Question[] {
  const { config, localStripe } = app;
  if (localStripe === null && config.stripe.secretKey === null) {
    const next = 'Set STRIPE_SECRET_KEY and restart, or start with SANDBOX=on.';
    const ask = () => warning('STRIPE_SECRET_KEY is not set: nothing can be bought; everything else works.', next);
    return [{ code: 'stripe_key', next, ask }];
  }
  return [
    { code: 'stripe_key', next: 'npx latchkey doctor again, or see https://status.stripe.com.', ask: () => key(app) },
    { code: 'webhook_secret', next: ENDPOINT_NEXT, ask: () => webhookSecret(app) },
    { code: 'webhook_endpoint', next: ENDPOINT_NEXT, ask: () => endpoint(app) },
    { code: 'webhook_delivery', next: 'npx latchkey inbox list', ask: () => lastDelivery(app) },
    { code: 'prices', next: 'npx latchkey catalog push', ask: () => prices(app.database.connection, app.catalog) },
    { code: 'billing', next: 'curl PUBLIC_URL/health/billing', ask: () => billing(app) },
  ];
}

async function key({ config, localStripe, stripe, database }: App): Promise<Finding> {
  if (localStripe === null) {
    const stamped = (await readStamp(database.connection))?.stripeAccount ?? null;
    return accountFinding(stripe, { secretKey: config.stripe.secretKey ?? '', stamped });
  }
  await stripe.accountId();
  return ok(`The local Stripe at ${localStripe.url} answers; no money is real.`);
}

/** Whether a key is let in, to which account, and whether that may charge. `stamped` is the account of the database, once known. */
export async function accountFinding(
  stripe: Pick<StripeClient, 'account'>,
  { secretKey, stamped }: { secretKey: string; stamped: string | null },
): Promise<Finding> {
  try {
    const { id, chargesEnabled, detailsSubmitted } = await stripe.account();
    if (stamped !== null && stamped !== id) {
      const next = `Use a key of ${stamped}, or another database.`;
      return failure(`The key is of ${id}, and the database belongs to ${stamped}.`, next);
    }
    if (!detailsSubmitted || !chargesEnabled) {
      return failure(`The account ${id} may not charge yet.`, 'Complete it at https://dashboard.stripe.com/account.');
    }
    if (secretKey.includes('_live_')) return ok(`The account ${id} answers, in live mode.`);
    return warning(
      `The account ${id} answers, in test mode: no money is real.`,
      'For real money set the sk_live_… key.',
    );
  } catch (error) {
    const isRefused = error instanceof LatchkeyError && error.code === 'stripe_rejected';
    const next = isRefused
      ? 'Take the secret key from https://dashboard.stripe.com/apikeys into STRIPE_SECRET_KEY, and restart.'
      : 'Wait, and see https://status.stripe.com: licences go on being validated meanwhile.';
    return failure(`Stripe: ${reasonOf(error)}`, next);
  }
}

function webhookSecret({ config, webhookSecrets, localStripe }: App): Finding {
  const known = config.stripe.webhookSecrets.length + webhookSecrets.length;
  if (known === 0) {
    return failure('STRIPE_WEBHOOK_SECRET is not set: no payment can be believed.', `${ENDPOINT_NEXT} makes one.`);
  }
  const odd = config.stripe.webhookSecrets.filter((secret) => !secret.startsWith('whsec_'));
  if (odd.length > 0 && localStripe === null) {
    const next = 'Take the signing secret from https://dashboard.stripe.com/webhooks, and restart.';
    return failure('STRIPE_WEBHOOK_SECRET holds what is no signing secret (whsec_…).', next);
  }
  return ok(`${known} signing ${known === 1 ? 'secret is' : 'secrets are'} known.`);
}

async function endpoint({ stripe, publicUrl }: App): Promise<Finding> {
  const ours = (await stripe.listWebhookEndpoints()).filter(({ url }) => url.startsWith(`${publicUrl.current}/`));
  const enabled = ours.filter(({ status }) => status === 'enabled');
  const [best] = enabled.toSorted((one, other) => missing(one).length - missing(other).length);
  if (best === undefined) {
    const detail =
      ours.length > 0 ? `${ours[0]?.id} is switched off.` : `Stripe delivers nothing to ${publicUrl.current}.`;
    return failure(detail, ENDPOINT_NEXT);
  }
  const lacking = missing(best);
  if (lacking.length === 0) return ok(`${best.id} delivers all ${HANDLED_EVENTS.length} events to ${best.url}.`);
  const named = lacking.slice(0, 5).join(', ') + (lacking.length > 5 ? `, and ${lacking.length - 5} more` : '');
  return failure(`${best.id} does not deliver ${named}.`, ENDPOINT_NEXT);
}

function missing({ events }: WebhookEndpoint): string[] {
  const listens = new Set(events);
  return listens.has('*') ? [] : HANDLED_EVENTS.filter((one) => !listens.has(one));
}

async function lastDelivery({ database, config }: App): Promise<Finding> {
  const { connection } = database;
  const last = await connection
    .selectFrom('inbox')
    .select(['type', 'received_at'])
    .orderBy('received_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (last !== undefined) return ok(`The last event, ${last.type}, came at ${last.received_at.toISOString()}.`);
  const next =
    config.mode === 'sandbox'
      ? 'Buy something: npm run story, or a plan of the front page with the card 4242 4242 4242 4242.'
      : 'Send a test event from https://dashboard.stripe.com/webhooks; its deliveries there say what we answered.';
  return warning('No event of Stripe has come yet.', next);
}

/** Whether every plan that is sold has its price, as far as we know. */
async function prices(connection: Connection, catalog: Catalog): Promise<Finding> {
  const without: string[] = [];
  let count = 0;
  for (const product of catalog.products) {
    for (const plan of product.plans.filter(isPaid)) {
      count += 1;
      if ((await currentPrice(connection, product.id, plan.id)) === null) without.push(`${product.id}/${plan.id}`);
    }
  }
  if (without.length === 0) return ok(`All ${count} plans for sale have their price.`);
  return failure(`Without a price at Stripe: ${without.join(', ')}.`, 'npx latchkey catalog push');
}

const NEXT_OF_PART: Readonly<Record<BillingPart, string>> = {
  stripe: 'Wait, and see https://status.stripe.com.',
  database: 'See that the database answers.',
  webhooks: 'npx latchkey inbox list --status failed, then npx latchkey inbox replay ID',
  intents: 'The log of LOG_DIR/stripe-payment.log says what Stripe answered.',
  effects: 'See that mail can leave; letters that wait are tried again by themselves.',
  comparison: 'npx latchkey reconcile --fix',
};

/** What the health of billing is judged by, each reason a line. The webhook's secret has a line of its own. */
async function billing(app: App): Promise<readonly Finding[]> {
  const reasons = judgeBilling({ ...(await readBillingFacts(app)), knowsWebhookSecret: true });
  if (reasons.length === 0) return [ok('Events, calls to Stripe and letters are worked off as they come.')];
  return reasons.map(({ part, status, because }) =>
    (status === 'unhealthy' ? failure : warning)(because, NEXT_OF_PART[part]),
  );
}
