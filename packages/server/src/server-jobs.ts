/** What is done by itself: the sweep, the monitor, the housekeeping. */

import { secondMs } from '@latchkey/core';
import type { App } from './app.ts';
import { expireIdempotencyKeys } from './http/index.ts';
import { jobCatalogue } from './jobs/catalogue.ts';
import { createQueue } from './jobs/queue.ts';
import { createMonitor } from './modules/subscriptions/index.ts';
import { readBillingFacts } from './server-health.ts';
import { judgeBilling } from './stripe/billing-health.ts';

export interface ServerJobs {
  start(): Promise<void>;
  stop(): Promise<void>;
}

const MONITOR = 'monitor';
const RECONCILE = 'reconcile';

export function createServerJobs(app: App): ServerJobs {
  const { database, logs, config, subscriptions, apiKeys, clock, inbox, intents, outbox, metrics, reconciler } = app;
  const log = logs.operations.subscription;
  const monitor = createMonitor({
    log,
    follow: () => subscriptions.monitor(),
    tellOfEnds: () => app.licenseNotices.run(),
    refresh: () => subscriptions.autoRenew(),
    concerns: async () => judgeBilling(await readBillingFacts(app)),
  });
  const queue = createQueue({
    database,
    log: logs.app,
    jobs: jobCatalogue({
      workers: [inbox.worker, intents.worker, outbox],
      everyMinute: [
        { name: 'api-keys', run: () => apiKeys.saveLastUsed() },
        // What the clock brought: cheap where nothing is due, and nobody waits for the next hour's look.
        { name: 'due-subscriptions', run: () => subscriptions.monitor() },
        { name: 'usage-sessions', run: () => app.usageSessions.endVanished() },
        { name: 'overage', run: () => app.overage.run() },
        { name: 'stripe-circuit', run: () => askAgain() },
      ],
      daily: [
        { name: 'idempotency-keys', run: () => expireIdempotencyKeys(database, clock.wall()) },
        { name: 'owner-links', run: () => app.ownerLinks.forget() },
        { name: 'accounts', run: () => app.accounts.forget() },
        { name: 'usage-months', run: () => app.usage.keepMonths() },
        { name: 'usage-reservations', run: () => app.usageRetention.removeReservations() },
        { name: 'usage-events', run: () => app.usageRetention.dropEvents() },
      ],
      more: [
        {
          name: RECONCILE,
          schedule: '41 4 * * *',
          // A large account takes long; the next night looks again.
          retryLimit: 0,
          timeoutSeconds: 6 * 60 * 60,
          async handler() {
            await reconciler.run('fix');
          },
        },
        {
          name: MONITOR,
          handler: () => monitor(),
        },
      ],
    }),
  });
  metrics.gauge('latchkey_jobs_dead', 'Jobs that failed for good', () => queue.deadLetters());
  let timer: NodeJS.Timeout | null = null;

  /** A circuit that nobody calls through would stay open for good, and be told of as if Stripe were still away. */
  async function askAgain(): Promise<void> {
    if (app.stripe.circuit !== 'closed') await app.stripe.accountId().catch(() => {});
  }

  return {
    async start() {
      await queue.start();
      // pg-boss hands each to one process of all; a look too many changes nothing.
      const look = () =>
        void queue.send(MONITOR).catch((error) => log.error({ error }, 'the monitor could not be sent'));
      timer = setInterval(look, config.monitorIntervalSeconds * secondMs);
      look();
    },
    async stop() {
      if (timer !== null) clearInterval(timer);
      await queue.stop();
    },
  };
}
