/** Wires the house by hand: the one place where everything meets. */

import type { Catalog, Product } from '@latchkey/core';
import { loadAppCatalog } from './app-catalog.ts';
import { createOverageDesk, type OverageDesk } from './app-overage.ts';
import { createPrepaidDesk, type PrepaidDesk } from './app-prepaid.ts';
import { openStripe } from './app-stripe.ts';
import { createSubscriptionDesk, type SubscriptionDesk } from './app-subscriptions.ts';
import { createUsageDesk, type UsageDesk } from './app-usage.ts';
import type { LoadedCatalog } from './catalog/load.ts';
import { currentPrice, planOfPrice } from './catalog/price-repository.ts';
import { type PushedPlan, pushCatalog } from './catalog/push.ts';
import { stampDatabase } from './config/stamp.ts';
import { salesOf } from './dialects/index.ts';
import type { Foundation } from './foundation.ts';
import type { Authenticate } from './http/index.ts';
import { createOutbox, outboxNotice } from './jobs/outbox.ts';
import { createOutboxStep, type Deliverer, releaseOutboxClaims } from './jobs/outbox-delivery.ts';
import { createWorker, type Worker } from './jobs/worker.ts';
import { createMailLicenses } from './mail-licenses.ts';
import { type Accounts, createAccounts, createTokenAuthentication } from './modules/accounts/index.ts';
import { type ApiKeys, createApiKeys } from './modules/api-keys/index.ts';
import { type Audit, createAudit } from './modules/audit/index.ts';
import {
  type CustomerService,
  type CustomersAtStripe,
  createCustomerIdentity,
  createCustomerService,
  createCustomersAtStripe,
} from './modules/customers/index.ts';
import { createEntitlementService, type EntitlementService } from './modules/entitlements/index.ts';
import { createLedger, creditOn, type Ledger } from './modules/ledger/index.ts';
import {
  createKeyKeeper,
  createLicenseExchange,
  createLicenseFiles,
  createLicenseReader,
  createLicenseService,
  createLicenseSnapshots,
  createOwnerLinks,
  createReactivationDesk,
  createRevocations,
  createSignedAnswers,
  createWithdrawal,
  type LicenseExchange,
  type LicenseFiles,
  type LicenseReader,
  type LicenseService,
  type OwnerLinks,
  type ReactivationDesk,
  type Revocations,
  type SignValidation,
} from './modules/licenses/index.ts';
import {
  createLogTransport,
  createMailDeliverer,
  createNotifications,
  createSmtpTransport,
  type MailTransport,
  type Notifications,
} from './modules/notifications/index.ts';
import {
  type BillingReader,
  type CheckoutService,
  createCheckouts,
  createPaymentMethods,
  createPortal,
  createPurchases,
  createRefunds,
  createWithdrawals,
  type PaymentMethodService,
  type Portal,
  type RefundService,
} from './modules/payments/index.ts';
import { createSigning, type Signing } from './modules/signing/index.ts';
import {
  createLicenseNotices,
  createSubscriptionService,
  type LicenseNotices,
  type SubscriptionService,
} from './modules/subscriptions/index.ts';
import { bootLocalStripe, type LocalStripe } from './sandbox/boot.ts';
import { createSandboxMailbox, type SandboxMailbox } from './sandbox/mailbox/store.ts';
import { nodeCryptography } from './security/cryptography.ts';
import { createCheckoutIntents } from './stripe/checkout-intents.ts';
import type { StripeClient } from './stripe/client/index.ts';
import { createCustomerIntents } from './stripe/customer-intents.ts';
import { customerDeliverer, customerQuestion } from './stripe/customer-question.ts';
import { createProjectionHandlers, createStripeSource } from './stripe/follow.ts';
import { createPaymentHandlers } from './stripe/follow-payments.ts';
import { createInbox, type Inbox, releaseInboxClaims } from './stripe/inbox.ts';
import { createIntents, type Intents, releaseIntents } from './stripe/intents.ts';
import { mirror } from './stripe/mirror.ts';
import { createBillingReader } from './stripe/mirrored-invoices.ts';
import { createPaymentMethodIntents } from './stripe/payment-method-intents.ts';
import { createPaymentFetch, paymentDeliverer, paymentQuestion } from './stripe/payment-question.ts';
import { createProjector, type Projector } from './stripe/project.ts';
import { createReconciler, type Reconciler } from './stripe/reconciliation.ts';
import { createRefundIntents, createRefundSearch } from './stripe/refund-intents.ts';
import { createSalesElsewhere, subscriptionDeliverer } from './stripe/sales-elsewhere.ts';
import { createSubscriptionCommands } from './stripe/subscription-commands.ts';
import { createTakenBack } from './stripe/taken-back.ts';

/** Latchkey without its HTTP side: every module, wired, and the workers that carry out what they decide. */
export interface App extends Foundation, SubscriptionDesk, PrepaidDesk, UsageDesk, OverageDesk {
  loaded: LoadedCatalog;
  catalog: Catalog;
  stripe: StripeClient;
  localStripe: LocalStripe | null;
  mailbox: SandboxMailbox | null;
  audit: Audit;
  apiKeys: ApiKeys;
  signing: Signing;
  licenseFiles: LicenseFiles;
  revocations: Revocations;
  signValidation: SignValidation;
  customers: CustomerService;
  customersAtStripe: CustomersAtStripe;
  accounts: Accounts;
  /** Whose a bearer token is, beside the admin's: asked in this order. */
  authenticators: readonly Authenticate[];
  licenses: LicenseService;
  licenseReader: LicenseReader;
  licenseExchange: LicenseExchange;
  ownerLinks: OwnerLinks;
  entitlements: EntitlementService;
  ledger: Ledger;
  reactivationDesk: ReactivationDesk;
  notifications: Notifications;
  subscriptions: SubscriptionService;
  licenseNotices: LicenseNotices;
  checkouts: CheckoutService;
  refunds: RefundService;
  paymentMethods: PaymentMethodService;
  portal: Portal;
  billing: BillingReader;
  /** Whether keys of a product can be made, and it can be sold. */
  canDeliver(product: Product): boolean;
  projector: Projector;
  inbox: Inbox;
  intents: Intents;
  reconciler: Reconciler;
  outbox: Worker;
  /** The address customers see; it is set once the port is known. */
  publicUrl: { current: string };
  /** Secrets under which webhooks may be signed, beside those of the configuration. */
  webhookSecrets: string[];
  pushCatalog(): Promise<PushedPlan[]>;
  /** Carries out everything that is due: inbox, intents, what the clock brings, letters. */
  settle(): Promise<void>;
  startWorkers(): Promise<void>;
  close(): Promise<void>;
}

export async function createApp(foundation: Foundation): Promise<App> {
  const { config, firstRun, logs, vault, database, clock, ids, randomness, crashPoint } = foundation;
  const log = logs.app;
  const isSandbox = config.mode === 'sandbox';
  const loaded = await loadAppCatalog(config, (variable) => firstRun.secretFor(variable));
  const { catalog } = loaded;
  const localStripe = isSandbox ? await bootLocalStripe(config, foundation.adminToken.token, log) : null;
  const stripe = openStripe(foundation, localStripe);
  const publicUrl = { current: config.publicUrl };
  const webhookSecrets: string[] = [];

  const audit = createAudit({
    ids,
    clock,
    recorded({ action, subjectType, subjectId, detail }) {
      const operations = operationLogOf(subjectType);
      logs.operations[operations].info({ [subjectType]: subjectId, detail }, action);
    },
  });
  const apiKeys = createApiKeys({ database, vault, clock, ids, randomness, audit });
  const customers = createCustomerService({ database, clock, ids, audit });
  const identity = createCustomerIdentity({ database, clock, ids, audit });
  const customerToken = createTokenAuthentication({
    tokens: config.customerTokens,
    clock,
    log,
    customerOf: (claims) => identity.ofToken(claims),
  });
  const ledger = createLedger({ database, catalog, clock, ids, audit, log });
  const snapshots = createLicenseSnapshots();
  const signing = await createSigning({ database, vault, clock, randomness, audit, log });
  const keys = createKeyKeeper({
    catalog,
    keySecrets: loaded.keySecrets,
    signingSecrets: signing.signingSecrets,
    vault,
    cryptography: nodeCryptography,
  });
  const licensing = { database, catalog, keys, snapshots, clock, ids, randomness };
  const offline = { ...licensing, signing, cryptography: nodeCryptography };
  const licenses = createLicenseService({ ...licensing, record: audit.record });
  const licenseReader = createLicenseReader({
    ...licensing,
    beginTerm: (id) =>
      database.transaction({ actor: { type: 'license_key', id } }, (transaction) =>
        licenses.beginTerm(transaction, id),
      ),
    creditOf: creditOn(ledger),
  });

  const licenseExchange = createLicenseExchange({
    ...licensing,
    customers,
    licenses,
    reader: licenseReader,
    record: audit.record,
  });

  const wake = { outbox: () => {} };
  const outbox = createOutbox({ ids, clock, wake: () => wake.outbox() });
  const notifications = createNotifications({
    catalog,
    licenses: createMailLicenses({ licenseReader, catalog, clock }),
    mailFrom: config.mailFrom,
    alertEmail: config.alertEmail,
    publicUrl: () => publicUrl.current,
    ownerLink: (id) => ownerLinks.address(id),
    openLink: (link) => accounts.openLink(link),
    outbox,
  });
  const use = createUsageDesk({ ...foundation, catalog, log, ledger, licenseReader, audit, notifications });
  const prepaid = createPrepaidDesk({
    ...{ database, catalog, clock, ids, log, ledger, licenseReader, notifications, keys },
    projector: () => projector,
  });
  const { credits } = prepaid;
  const accounts: Accounts = createAccounts({
    database,
    vault,
    clock,
    ids,
    log,
    audit,
    allowedOrigins: config.allowedOrigins,
    publicUrl: () => publicUrl.current,
    async notify(transaction, { template, to, link, minutes, effectKey }) {
      await notifications.notify(transaction, { template, to, data: { link, minutes }, effectKey });
    },
    customers: identity,
  });
  const ownerLinks: OwnerLinks = createOwnerLinks({
    database,
    vault,
    clock,
    ids,
    reader: licenseReader,
    licenses,
    notifications,
    publicUrl: () => publicUrl.current,
  });

  const intents = createIntents({ database, clock, ids, client: stripe, log: logs.operations.stripe, crashPoint });
  const takenBack = createTakenBack({
    subscriptions: () => subscriptions,
    customers,
    checkouts: () => checkouts,
    credits,
    licenseReader,
    followPayments: createWithdrawals({
      catalog,
      customers,
      withdraw: createWithdrawal({ snapshots, clock, record: audit.record }),
      notifications,
    }),
    askForPayment: paymentQuestion(outbox),
  });
  const sales = createSalesElsewhere({ recognize: salesOf(catalog), outbox, checkouts: () => checkouts });
  const projector = createProjector({
    database,
    clock,
    fetch: (type, id) => stripe.fetch(type, id),
    handlers: {
      ...createProjectionHandlers({
        subscriptions: () => subscriptions,
        customers,
        checkouts: () => checkouts,
        takenBack,
        sales,
      }),
      ...createPaymentHandlers({ takenBack, audit, notifications }),
    },
    log: logs.operations.stripe,
  });
  const customersAtStripe = createCustomersAtStripe({
    database,
    clock,
    audit,
    intents: createCustomerIntents({ intents, customers, projector }),
  });
  const commands = createSubscriptionCommands({ database, client: stripe, intents, projector });
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
      { subscription: mirror.subscription, invoicesOf: mirror.invoicesOf, planOfPrice, sales },
      catalog,
    ),
    askForCustomer: customerQuestion(outbox),
    commands,
  });
  const licenseNotices = createLicenseNotices({ database, catalog, clock, licenseReader, notifications });
  const checkouts: CheckoutService = createCheckouts({
    database,
    catalog,
    clock,
    ids,
    audit,
    publicUrl: () => publicUrl.current,
    currentPrice,
    intents: createCheckoutIntents(intents, () => checkouts),
    customersAtStripe,
    findPromotionCode: (code) => stripe.promotionCode(code),
    canDeliver: (product) => keys.makes(product),
    credits,
    purchased: createPurchases({ customers, licenses, licenseReader, notifications, credits }),
  });
  const fetchPayment = createPaymentFetch({ database, client: stripe, projector });
  const refunding = { database, client: stripe, intents, projector, fetchPayment };
  const refunds = createRefunds({
    audit,
    intents: createRefundIntents(refunding),
    find: createRefundSearch(refunding),
    licensesOf: (paymentId) => takenBack.licensesOf(database.connection, paymentId),
  });
  const paymentMethods = createPaymentMethods({
    stripe,
    intents: createPaymentMethodIntents({ intents, projector }),
    customers,
    customersAtStripe,
    ids,
    audit,
  });
  const inbox = createInbox({
    database,
    clock,
    ids,
    projector,
    audit,
    log: logs.operations.stripe,
    webhookSecrets: () => [...config.stripe.webhookSecrets, ...webhookSecrets],
    crashPoint,
    explain: sales.explain,
    counted: foundation.metrics.counter(
      'latchkey_webhooks_total',
      'Deliveries and events of Stripe by what became of them',
      'outcome',
    ),
  });

  const { overage } = createOverageDesk({ ...foundation, catalog, client: stripe, intents });
  const reconciler = createReconciler({
    database,
    client: stripe,
    projector,
    overage: overage.comparison,
    clock,
    ids,
    log: logs.operations.stripe,
  });

  const mailbox = isSandbox && config.smtpUrl === null ? createSandboxMailbox({ vault, clock, ids }) : null;
  const transport: MailTransport =
    config.smtpUrl !== null
      ? createSmtpTransport({ smtpUrl: config.smtpUrl, mailFrom: config.mailFrom })
      : (mailbox ?? createLogTransport(log));
  const deliverers: Record<string, Deliverer> = {
    mail: createMailDeliverer({ notifications, transport, database }),
    ...customerDeliverer(projector),
    ...subscriptionDeliverer(projector),
    ...paymentDeliverer(fetchPayment),
  };
  const outboxWorker = createWorker({
    name: 'outbox',
    step: createOutboxStep({ database, clock, log, deliverers, crashPoint }),
    log,
    wall: () => clock.wall(),
  });
  wake.outbox = () => outboxWorker.wake();

  const workers = [inbox.worker, intents.worker, outboxWorker];
  const closing: (() => Promise<void>)[] = [];

  return {
    ...foundation,
    accounts,
    authenticators: [(token) => apiKeys.authenticate(token), (token) => accounts.authenticate(token), customerToken],
    loaded,
    catalog,
    stripe,
    localStripe,
    mailbox,
    audit,
    apiKeys,
    signing,
    licenseFiles: createLicenseFiles({ ...offline, licenses, reader: licenseReader, record: audit.record }),
    revocations: createRevocations(offline),
    signValidation: createSignedAnswers(offline),
    customers,
    customersAtStripe,
    licenses,
    licenseReader,
    licenseExchange,
    ownerLinks,
    entitlements: createEntitlementService({ catalog, licenseReader }),
    ledger,
    ...prepaid,
    reactivationDesk: createReactivationDesk({ licenses, customers, notifications }),
    notifications,
    licenseNotices,
    subscriptions,
    ...use,
    ...createSubscriptionDesk({
      ...foundation,
      ...{ catalog, audit, subscriptions, commands, client: stripe, intents, projector },
      ...{ customersAtStripe, paymentMethods, licenseReader, canDeliver: (product) => keys.makes(product) },
    }),
    overage,
    checkouts,
    refunds,
    paymentMethods,
    portal: createPortal({ stripe, customersAtStripe, ids, audit, publicUrl: () => publicUrl.current }),
    billing: createBillingReader(database.connection),
    canDeliver: (product) => keys.makes(product),
    projector,
    inbox,
    intents,
    reconciler,
    outbox: outboxWorker,
    publicUrl,
    webhookSecrets,

    pushCatalog: () => pushCatalog({ database, api: stripe, catalog, clock, record: audit.record }),

    async settle() {
      await accounts.settled();
      await intents.worker.settled();
      await inbox.worker.settled();
      await subscriptions.monitor();
      await licenseNotices.run();
      await prepaid.usageSessions.endVanished();
      await overage.run();
      await outboxWorker.settled();
    },

    async startWorkers() {
      // What a process that is gone had in hand is free again at once where no other can be at work.
      if (database.engine === 'pglite') {
        await releaseOutboxClaims(database.connection);
        await releaseInboxClaims(database.connection);
        await releaseIntents(database.connection, clock.wall());
      }
      closing.push(await snapshots.follow(database));
      closing.push(await signing.follow());
      closing.push(
        await database.listen('latchkey_work', (payload) => {
          if (payload === outboxNotice) outboxWorker.wake();
        }),
      );
      for (const worker of workers) worker.start();
    },

    async close() {
      await Promise.all([accounts.settled(), ledger.settled(), use.usage.settled()]);
      await Promise.all([...workers.map((worker) => worker.stop()), reconciler.stop()]);
      for (const close of closing) await close();
      if (transport.kind === 'external') await transport.close();
      await localStripe?.close();
      await foundation.close();
    },
  };
}

/** Which of the three operation logs tells of what was done to something. */
function operationLogOf(subjectType: string): keyof Foundation['logs']['operations'] {
  if (subjectType === 'license') return 'license';
  return subjectType === 'subscription' ? 'subscription' : 'stripe';
}

/** Marks the database with what it belongs to, and refuses one that belongs elsewhere. */
export async function stampApp(app: App): Promise<void> {
  const { config, database, clock, stripe } = app;
  const knowsStripe = config.mode === 'live' && config.stripe.secretKey !== null;
  // Stripe being away must not keep licences from being validated; the account is compared at the next start.
  const stripeAccount = knowsStripe ? await stripe.accountId().catch(() => null) : null;
  await stampDatabase(database, { mode: config.mode, stripeAccount }, clock.wall());
}
