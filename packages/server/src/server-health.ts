/** Whether the house is well, for load balancers, for people, and for Prometheus. */

import type { App } from './app.ts';
import { databaseCheck, type Http, registerHealthRoutes } from './http/index.ts';
import { readOutboxLag } from './jobs/outbox.ts';
import { countStandings } from './modules/subscriptions/index.ts';
import type { BillingFacts } from './stripe/billing-health.ts';
import { registerBillingHealth } from './stripe/billing-health-route.ts';

/** Events that have waited longer mean that nobody works on them. */
const LONGEST_LAG_SECONDS = 300;
/** A database that takes longer is as good as away: whoever asks for health does not wait. */
const LONGEST_ANSWER_MS = 2_000;

export function healthRoutes(http: Http, app: App, version: string): void {
  const { config, database, inbox, metrics, stripe, localStripe } = app;
  billingGauges(app);
  registerHealthRoutes(http, {
    version,
    mode: config.mode,
    metrics,
    checks: [
      databaseCheck(database),
      {
        name: 'inbox',
        async check() {
          const lag = await inbox.lag();
          return { ok: lag.oldestSeconds < LONGEST_LAG_SECONDS, detail: { ...lag } };
        },
      },
      // Stripe being away is told, but keeps nobody from validating a licence.
      { name: 'stripe', check: async () => ({ ok: true, detail: { circuit: stripe.circuit } }) },
    ],
    facts: () => ({
      products: app.catalog.products.map(({ id }) => id),
      ...(localStripe === null ? {} : { sandbox_url: localStripe.url }),
    }),
  });
  registerBillingHealth(http, {
    facts: () => readBillingFacts(app),
    subscriptions: () => countStandings(database.connection),
  });
}

async function answeredInTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('The database takes too long.')), LONGEST_ANSWER_MS);
  });
  return Promise.race([answer, tooLong]).finally(() => clearTimeout(timer));
}

/** What billing's health is judged by. A database that does not answer is a fact as well. */
export async function readBillingFacts(app: App): Promise<BillingFacts> {
  const { config, database, clock, inbox, intents, reconciler, stripe, localStripe } = app;
  const circuit = localStripe === null && config.stripe.secretKey === null ? null : stripe.circuit;
  const knowsWebhookSecret = config.stripe.webhookSecrets.length + app.webhookSecrets.length > 0;
  try {
    const [webhooks, open, effects, comparison] = await answeredInTime(
      Promise.all([inbox.lag(), intents.lag(), readOutboxLag(database.connection, clock.wall()), reconciler.latest()]),
    );
    return { circuit, knowsWebhookSecret, database: { webhooks, intents: open, effects, comparison } };
  } catch {
    return { circuit, knowsWebhookSecret, database: null };
  }
}

function billingGauges({ database, clock, inbox, intents, reconciler, metrics, stripe }: App): void {
  const { connection } = database;
  metrics.labeledGauge('latchkey_inbox_events', 'Events of Stripe by what became of them', 'status', async () => {
    const { pending, failed } = await inbox.lag();
    return { pending, failed };
  });
  metrics.gauge(
    'latchkey_inbox_oldest_seconds',
    'How long the oldest event of Stripe has waited',
    async () => (await inbox.lag()).oldestSeconds,
  );
  metrics.labeledGauge('latchkey_outbox_effects', 'Effects that wait or were given up', 'status', async () => {
    const { pending, dead } = await readOutboxLag(connection, clock.wall());
    return { pending, dead };
  });
  metrics.gauge(
    'latchkey_outbox_oldest_seconds',
    'How long the oldest effect has waited',
    async () => (await readOutboxLag(connection, clock.wall())).oldestSeconds,
  );
  metrics.gauge(
    'latchkey_intents_open',
    'Calls to Stripe that are not yet carried out',
    async () => (await intents.lag()).open,
  );
  metrics.gauge(
    'latchkey_intents_oldest_seconds',
    'How long the oldest of them has waited',
    async () => (await intents.lag()).oldestSeconds,
  );
  metrics.labeledGauge('latchkey_stripe_circuit', 'Where the circuit to Stripe stands', 'state', async () => ({
    [stripe.circuit]: 1,
  }));
  metrics.labeledGauge('latchkey_subscriptions', 'Subscriptions by where they stand', 'standing', () =>
    countStandings(connection),
  );
  metrics.gauge(
    'latchkey_stripe_differences',
    'Objects that the last comparison with Stripe left different',
    async () => {
      const last = await reconciler.latest();
      return last === null ? 0 : last.found - last.fixed;
    },
  );
}
