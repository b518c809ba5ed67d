import { createLicensing } from '../../../test/support/licensing.ts';
import type { TestPorts } from '../../../test/support/ports.ts';
import type { LoadedCatalog } from '../../catalog/load.ts';
import { planOfPrice } from '../../catalog/price-repository.ts';
import type { Database } from '../../db/database.ts';
import { createOutbox } from '../../jobs/outbox.ts';
import { createNotifications } from '../../modules/notifications/index.ts';
import { createSubscriptionService, type SubscriptionService } from '../../modules/subscriptions/index.ts';
import { createProjectionHandlers, createStripeSource } from '../follow.ts';
import { mirror } from '../mirror.ts';
import type { FetchStripeObject } from '../project.ts';
import { createInboxHarness } from './inbox-harness.ts';

const notHere = () => {
  throw new Error('This is not part of the test.');
};

/** What stands behind the inbox in the real house: customers, subscriptions, licenses and letters. */
export function createHouseBehindInbox(options: {
  database: Database;
  ports: TestPorts;
  loaded: LoadedCatalog;
  fetch: FetchStripeObject;
  secrets?: readonly string[];
}) {
  const { database, ports, loaded, fetch, ...more } = options;
  const { clock, ids } = ports;
  const { catalog } = loaded;
  const licensing = createLicensing(database, ports, loaded);
  const notifications = createNotifications({
    catalog,
    licenses: { read: async () => null },
    mailFrom: 'licenses@example.com',
    publicUrl: () => 'http://latchkey.test',
    ownerLink: (id) => `https://shop.example/release/${id}`,
    outbox: createOutbox({ ids, clock }),
  });
  const handlers = createProjectionHandlers({
    subscriptions: () => subscriptions,
    customers: licensing.customers,
    checkouts: notHere,
  });
  const subscriptions: SubscriptionService = createSubscriptionService({
    database,
    catalog,
    clock,
    ids,
    audit: licensing.audit,
    customers: licensing.customers,
    licenses: licensing.licenses,
    licenseReader: licensing.reader,
    notifications,
    readStripe: createStripeSource(
      { subscription: mirror.subscription, invoicesOf: mirror.invoicesOf, planOfPrice },
      catalog,
    ),
    askForCustomer: async () => {},
    commands: { cancel: notHere, update: notHere, refresh: notHere },
  });
  const inbox = createInboxHarness({ database, ports, fetch, handlers, ...more });
  return {
    ...inbox,
    /** What a subscription has come to: its status here, its licenses, and the letters that were written. */
    async outcome(reference: string) {
      const { connection } = database;
      const row = await connection
        .selectFrom('subscriptions')
        .select(['id', 'status'])
        .where('reference', '=', reference)
        .executeTakeFirst();
      const licenses = await connection
        .selectFrom('licenses')
        .select(['id', 'coverage'])
        .where('origin', '=', `subscription:${reference}`)
        .execute();
      const keys = [reference, ...licenses.map(({ id }) => id)];
      const letters = await connection
        .selectFrom('outbox')
        .select(['effect_key', 'kind'])
        .where('kind', '=', 'mail')
        .execute();
      return {
        status: row?.status,
        licenses: licenses.map(({ coverage }) => coverage),
        // An effect's key names the license or the subscription, then the occasion.
        letters: letters.flatMap(({ effect_key }) =>
          keys.flatMap((key) => effect_key.split(`${key}:`)[1]?.split(':', 1) ?? []),
        ),
      };
    },
  };
}
