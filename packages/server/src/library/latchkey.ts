import { openApp, type Server, startServer } from '../server.ts';
import { houseOf } from './house.ts';
import { LicenseManager } from './license-manager.ts';
import { configOf, type LatchkeyOptions } from './options.ts';
import { StripePaymentSystem } from './stripe-payment-system.ts';
import { SubscriptionManager } from './subscription-manager.ts';

/** Latchkey inside a program. */
export interface Latchkey {
  payments: StripePaymentSystem;
  licenses: LicenseManager;
  subscriptions: SubscriptionManager;
  /** Where it answers over HTTP; null when it does not listen. */
  url: string | null;
  /** Where the local Stripe is; null with the real one. */
  sandboxUrl: string | null;
  adminToken: string;
  /** Ends it in order: requests in flight finish, jobs too. */
  close(): Promise<void>;
}

/**
 * Starts Latchkey inside this program: database, workers and, unless `listen` is false, the HTTP server. Nothing is read from
 * the environment. Throws a ConfigError for options that cannot be used and a CatalogError for a catalog that cannot.
 */
export async function createLatchkey(options: LatchkeyOptions & { listen?: boolean } = {}): Promise<Latchkey> {
  const { listen = true, ...rest } = options;
  const config = configOf(rest);
  const server: Server | null = listen ? await startServer(config) : null;
  const app = server?.app ?? (await openApp(config));
  const source = { house: houseOf(app) };
  const subscriptions = new SubscriptionManager(source);
  return {
    payments: new StripePaymentSystem(source),
    licenses: new LicenseManager(source),
    subscriptions,
    url: server?.url ?? null,
    sandboxUrl: app.localStripe?.url ?? null,
    adminToken: app.adminToken.token,
    async close() {
      await subscriptions.stopMonitoring();
      await (server ?? app).close();
    },
  };
}
