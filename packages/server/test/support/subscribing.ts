import type { LoadedCatalog } from '../../src/catalog/load.ts';
import type { Database } from '../../src/db/database.ts';
import { createOutbox } from '../../src/jobs/outbox.ts';
import { createNotifications } from '../../src/modules/notifications/index.ts';
import { createSubscriptionService, type SourceSubscription } from '../../src/modules/subscriptions/index.ts';
import { createLicensing } from './licensing.ts';
import type { TestPorts } from './ports.ts';

/** What Stripe would say, set by the test; and what was asked of it. */
export interface StripeStandIn {
  subscriptions: Map<string, SourceSubscription>;
  askedFor: string[];
}

/** Licences and subscriptions over a database, with Stripe's side as plain data. */
export function createSubscribing(database: Database, ports: TestPorts, loaded: LoadedCatalog) {
  const licensing = createLicensing(database, ports, loaded);
  const { clock, ids } = ports;
  const stripe: StripeStandIn = { subscriptions: new Map(), askedFor: [] };
  const outbox = createOutbox({ ids, clock });
  const notifications = createNotifications({
    catalog: loaded.catalog,
    licenses: { read: async () => null },
    mailFrom: 'licenses@example.com',
    publicUrl: () => 'http://127.0.0.1:4242',
    ownerLink: (id) => `https://shop.example/release/${id}`,
    outbox,
  });
  const subscriptions = createSubscriptionService({
    database,
    catalog: loaded.catalog,
    clock,
    ids,
    audit: licensing.audit,
    customers: licensing.customers,
    licenses: licensing.licenses,
    licenseReader: licensing.reader,
    notifications,
    readStripe: async (_connection, reference) => stripe.subscriptions.get(reference) ?? null,
    askForCustomer: async (_transaction, customer) => void stripe.askedFor.push(customer),
    commands: {
      cancel: async (reference) => void stripe.askedFor.push(`cancel ${reference}`),
      update: async (reference) => void stripe.askedFor.push(`update ${reference}`),
      refresh: async (reference) => {
        await database.transaction({ actor: { type: 'stripe', id: null } }, (transaction) =>
          subscriptions.follow(transaction, reference),
        );
      },
    },
  });
  return { ...licensing, stripe, subscriptions };
}
