/** Every route of the server, mounted by hand. */

import { readFileSync } from 'node:fs';
import { earliest } from '@latchkey/core';
import type { App } from './app.ts';
import { moveClock } from './db/clock-store.ts';
import { dialectsOf, mountDialects } from './dialects/index.ts';
import { addKeptAnswers, createHttp, type Http, registerDocsPages } from './http/index.ts';
import { accountRoutes, adminRoutes, createAdmins } from './modules/accounts/index.ts';
import { analyticsRoutes } from './modules/analytics/index.ts';
import { registerApiKeyRoutes } from './modules/api-keys/index.ts';
import { registerAuditRoutes } from './modules/audit/index.ts';
import { catalogRoutes, registerProductRoutes } from './modules/catalog/index.ts';
import { customerRoutes } from './modules/customers/index.ts';
import { entitlementRoutes } from './modules/entitlements/index.ts';
import { ledgerRoutes } from './modules/ledger/index.ts';
import {
  createResend,
  exportRoutes,
  importRoutes,
  keyHolderRoutes,
  machineRoutes,
  offlineRoutes,
  vendorLicenseRoutes,
} from './modules/licenses/index.ts';
import {
  checkoutRoutes,
  creditRoutes,
  invoiceRoutes,
  paymentMethodRoutes,
  portalRoutes,
  refundRoutes,
} from './modules/payments/index.ts';
import { registerSigningKeyRoutes } from './modules/signing/index.ts';
import { changeRoutes, revenueRoutes, subscribeRoutes, subscriptionRoutes } from './modules/subscriptions/index.ts';
import { usageRoutes } from './modules/usage/index.ts';
import { usageSessionRoutes } from './modules/usage-sessions/index.ts';
import { accountPages } from './pages/account-pages.ts';
import { frontPage } from './pages/front-page.ts';
import { releasePages } from './pages/release-page.ts';
import { successPages } from './pages/success-page.ts';
import { registerMailboxRoutes } from './sandbox/mailbox/routes.ts';
import { createTimeMachine } from './sandbox/time-machine.ts';
import { timeRoutes } from './sandbox/time-routes.ts';
import { doctorRoute } from './server-doctor.ts';
import { healthRoutes } from './server-health.ts';
import { shareThings } from './server-redis.ts';
import { createGoLive } from './stripe/golive.ts';
import { registerGoLive } from './stripe/golive-route.ts';
import { registerInboxRoutes } from './stripe/inbox-routes.ts';
import { onOldPrices } from './stripe/mirrored-prices.ts';
import { registerOverage } from './stripe/overage-route.ts';
import { registerReconciliationRoutes } from './stripe/reconciliation-routes.ts';
import { registerStripeWebhook } from './stripe/webhook-route.ts';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

export async function createServerHttp(app: App): Promise<Http> {
  const { config, vault, database, clock, ids, logs, metrics, adminToken, apiKeys, publicUrl } = app;
  const { version } = manifest;
  const shared = shareThings(app);
  const http = await createHttp({
    mode: config.mode,
    allowedOrigins: config.allowedOrigins,
    trustProxy: config.trustProxy,
    publicUrl: () => publicUrl.current,
    version,
    adminToken: adminToken.token,
    authenticators: app.authenticators,
    database,
    vault,
    clock,
    ids,
    log: logs.app,
    metrics,
    sharedCounts: shared?.counts ?? null,
    errorShapes: dialectsOf(app.catalog).map(({ dialect }) => dialect.errors),
  });
  if (shared !== null) {
    http.addHook('onClose', async () => shared.close());
    // In the sandbox time is moved by hand, and who moves it wants to see what came of it.
    if (config.mode === 'live') {
      const of = `${version} ${config.databaseUrl}`;
      addKeptAnswers(http, {
        ...shared,
        hash: (url) => shared.hash(`${of} ${url}`),
        wallMs: () => clock.wall().getTime(),
      });
    }
  }
  healthRoutes(http, app, version);
  doctorRoute(http, app, version, shared);
  registerDocsPages(http);
  registerAuditRoutes(http, { audit: app.audit, database });
  registerApiKeyRoutes(http, { apiKeys, clock });
  registerSigningKeyRoutes(http, app);
  registerProductRoutes(http, app.catalog);
  catalogRoutes(http, { push: () => app.pushCatalog() });
  customerRoutes(http, app);
  adminRoutes(http, { admins: createAdmins(app) });
  accountRoutes(http, {
    accounts: app.accounts,
    clock,
    publicUrl: () => publicUrl.current,
    sharedCounts: shared?.counts ?? null,
  });
  keyHolderRoutes(http, {
    licenses: app.licenses,
    reader: app.licenseReader,
    signValidation: app.signValidation,
    resend: createResend({ reader: app.licenseReader, notifications: app.notifications, clock }),
  });
  machineRoutes(http, app);
  offlineRoutes(http, app);
  importRoutes(http, app.licenseExchange);
  exportRoutes(http, app.licenseExchange);
  entitlementRoutes(http, app);
  ledgerRoutes(http, app);
  usageRoutes(http, app);
  usageSessionRoutes(http, app);
  vendorLicenseRoutes(http, { ...app, reader: app.licenseReader });
  const { publishableKey } = config.stripe;
  changeRoutes(http, { ...app, publishableKey });
  subscribeRoutes(http, { ...app, publishableKey });
  subscriptionRoutes(http, { ...app, onOldPrices: (references) => onOldPrices(database.connection, references) });
  revenueRoutes(http, { ...app, overageRevenue: (since) => app.overage.revenue(since) });
  registerOverage(http, { ...app, comparison: app.overage.comparison });
  analyticsRoutes(http, app);
  checkoutRoutes(http, app);
  creditRoutes(http, app);
  refundRoutes(http, app);
  invoiceRoutes(http, app);
  portalRoutes(http, app);
  paymentMethodRoutes(http, { ...app, publishableKey: config.stripe.publishableKey });
  registerStripeWebhook(http, app.inbox);
  registerInboxRoutes(http, { inbox: app.inbox });
  registerReconciliationRoutes(http, app);
  registerGoLive(http, {
    goLive: createGoLive({
      ...app,
      client: app.stripe,
      publicUrl: () => publicUrl.current,
      trust: (secret) => void app.webhookSecrets.push(secret),
    }),
  });
  mountDialects(http, app);
  pages(http, app, version);
  sandboxRoutes(http, app);
  return http;
}

function pages(http: Http, app: App, version: string): void {
  const { catalog, config, localStripe, checkouts, licenses, licenseReader, database, projector, publicUrl } = app;
  const takesPayments = localStripe !== null || config.stripe.secretKey !== null;
  frontPage(http, {
    catalog,
    mode: config.mode,
    version,
    canDeliver: app.canDeliver,
    checkoutOrigin: takesPayments ? (localStripe?.url ?? 'https://checkout.stripe.com') : null,
    async startCheckout(product, plan, write) {
      const { url } = await checkouts.create({ product, plan }, write);
      return url;
    },
  });
  releasePages(http, app);
  accountPages(http, app);
  successPages(http, {
    catalog,
    credits: app.credits,
    checkouts,
    licenses,
    licenseReader,
    database,
    publicUrl: () => publicUrl.current,
    async askStripe(sessionId) {
      await projector.fetchAndProject('checkout_session', sessionId);
      const subscription = (await checkouts.find(sessionId))?.stripe_subscription_id ?? null;
      if (subscription !== null) await projector.fetchAndProject('subscription', subscription);
    },
  });
}

function sandboxRoutes(http: Http, app: App): void {
  const { localStripe, mailbox, database, clock } = app;
  if (localStripe === null) return;
  if (mailbox !== null) registerMailboxRoutes(http, { mailbox, database });
  const timeMachine = createTimeMachine({
    control: localStripe.control,
    clock,
    moveClock: async (target) => void (await moveClock(database, clock, target, { type: 'system', id: 'time' })),
    nextDueAt: async () =>
      earliest(
        await app.subscriptions.nextDueAt(),
        await app.licenseNotices.nextDueAt(),
        await app.usageSessions.nextDueAt(),
      ),
    settle: () => app.settle(),
  });
  timeRoutes(http, { clock, timeMachine });
}
