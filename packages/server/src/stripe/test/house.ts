import type { Catalog } from '@latchkey/core';
import { createLicensing } from '../../../test/support/licensing.ts';
import type { TestPorts } from '../../../test/support/ports.ts';
import type { LoadedCatalog } from '../../catalog/load.ts';
import { planOfPrice } from '../../catalog/price-repository.ts';
import type { Database } from '../../db/database.ts';
import { createOutbox } from '../../jobs/outbox.ts';
import { createWithdrawal } from '../../modules/licenses/index.ts';
import { createNotifications } from '../../modules/notifications/index.ts';
import {
  type CheckoutService,
  createCheckouts,
  createCreditPurchases,
  createPurchases,
  createWithdrawals,
} from '../../modules/payments/index.ts';
import { createSubscriptionService, type SubscriptionService } from '../../modules/subscriptions/index.ts';
import { createProjectionHandlers, createStripeSource } from '../follow.ts';
import { createPaymentHandlers } from '../follow-payments.ts';
import { mirror } from '../mirror.ts';
import type { FetchStripeObject } from '../project.ts';
import { createTakenBack } from '../taken-back.ts';
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
  concurrency?: number;
  /** In place of the one that was loaded. */
  catalog?: Catalog;
}) {
  const { database, ports, loaded, fetch, catalog = loaded.catalog, ...more } = options;
  const { clock, ids } = ports;
  const licensing = createLicensing(database, ports, loaded, catalog);
  const notifications = createNotifications({
    catalog,
    licenses: { read: async () => null },
    mailFrom: 'licenses@example.com',
    publicUrl: () => 'http://latchkey.test',
    ownerLink: (id) => `https://shop.example/release/${id}`,
    outbox: createOutbox({ ids, clock }),
  });
  const { audit, customers, licenses, reader: licenseReader, snapshots } = licensing;
  /** Payments that Stripe would be asked about. */
  const askedAbout: string[] = [];
  const credits = createCreditPurchases({
    ...{ database, catalog, clock, ledger: licensing.ledger, notifications },
    askStripe: async () => notHere(),
  });
  const withdraw = createWithdrawal({ snapshots, clock, record: audit.record });
  const takenBack = createTakenBack({
    subscriptions: () => subscriptions,
    customers,
    checkouts: () => checkouts,
    credits,
    licenseReader,
    followPayments: createWithdrawals({ catalog, customers, withdraw, notifications }),
    askForPayment: async (_transaction, payment) => void askedAbout.push(payment),
  });
  const handlers = {
    ...createProjectionHandlers({
      subscriptions: () => subscriptions,
      customers,
      checkouts: () => checkouts,
      takenBack,
    }),
    ...createPaymentHandlers({ takenBack, audit, notifications }),
  };
  const checkouts: CheckoutService = createCheckouts({
    database,
    catalog,
    clock,
    ids,
    audit,
    publicUrl: () => 'http://latchkey.test',
    currentPrice: async () => null,
    intents: { plan: notHere, carryOut: notHere },
    customersAtStripe: { ensure: notHere },
    findPromotionCode: notHere,
    canDeliver: () => true,
    credits: { sale: notHere },
    purchased: createPurchases({ customers, licenses, licenseReader, notifications, credits }),
  });
  const subscriptions: SubscriptionService = createSubscriptionService({
    database,
    catalog,
    clock,
    ids,
    audit,
    customers,
    licenses,
    licenseReader,
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
    askedAbout,
    licenseReader,
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
      const holds = await connection
        .selectFrom('license_holds')
        .select(['cause', 'effect'])
        .where('license_id', 'in', [...licenses.map(({ id }) => id), ''])
        .orderBy('cause')
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
        holds: holds.map(({ cause, effect }) => `${cause} ${effect}`),
        // An effect's key names the license or the subscription, then the occasion.
        letters: letters.flatMap(({ effect_key }) =>
          keys.flatMap((key) => effect_key.split(`${key}:`)[1]?.split(':', 1) ?? []),
        ),
      };
    },
  };
}
