import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLicensing, loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts, type TestPorts } from '../../../test/support/ports.ts';
import { createOutbox } from '../../jobs/outbox.ts';
import { createNotifications } from '../notifications/index.ts';
import { insertCredit } from './credit-repository.ts';
import { type CheckoutService, createCheckouts, createCreditPurchases, createPurchases } from './index.ts';
import { insertCheckout } from './repository.ts';

let test: TestDatabase;
let ports: TestPorts;
let licensing: ReturnType<typeof createLicensing>;
let checkouts: CheckoutService;
let session: string;
let count = 0;

beforeAll(async () => {
  test = await createTestDatabase();
  ports = createTestPorts();
  const loaded = await loadExampleCatalog();
  const { clock, ids } = ports;
  const { database } = test;
  licensing = createLicensing(database, ports, loaded);
  const notifications = createNotifications({
    catalog: loaded.catalog,
    licenses: { read: async () => null },
    mailFrom: 'licenses@example.com',
    publicUrl: () => 'http://127.0.0.1',
    ownerLink: (id) => `https://shop.example/release/${id}`,
    outbox: createOutbox({ ids, clock }),
  });
  checkouts = createCheckouts({
    database,
    catalog: loaded.catalog,
    clock,
    ids,
    audit: licensing.audit,
    publicUrl: () => 'http://127.0.0.1',
    currentPrice: async () => null,
    intents: {
      plan: () => Promise.reject(new Error('no checkout is started here')),
      carryOut: () => Promise.reject(new Error('no checkout is started here')),
    },
    customersAtStripe: { ensure: () => Promise.reject(new Error('no checkout is started here')) },
    findPromotionCode: async () => null,
    canDeliver: () => true,
    credits: { sale: () => Promise.reject(new Error('no checkout is started here')) },
    purchased: createPurchases({
      ...licensing,
      licenseReader: licensing.reader,
      notifications,
      credits: createCreditPurchases({
        ...{ database, catalog: loaded.catalog, clock, ledger: licensing.ledger, notifications },
        askStripe: () => Promise.reject(new Error('nobody comes back from paying here')),
      }),
    }),
  });
});

afterAll(async () => {
  await test?.close();
});

beforeEach(async () => {
  count += 1;
  session = `cs_test_${count}`;
  const now = ports.clock.now();
  await insertCheckout(test.database.connection, {
    id: `chk_${count}`,
    intent_id: `int_${count}`,
    stripe_session_id: session,
    product: 'infinite-server26',
    plan: 'license',
    email: null,
    status: 'open',
    url: 'http://127.0.0.1/pay',
    stripe_subscription_id: null,
    created_at: now,
    updated_at: now,
  });
});

function hear(state: { status: string; isPaid: boolean; mode?: string }): Promise<void> {
  return test.database.transaction({ actor: { type: 'stripe', id: null } }, (transaction) =>
    checkouts.followSession(transaction, {
      id: session,
      checkoutId: `chk_${count}`,
      mode: 'payment',
      subscription: null,
      paymentIntent: `pi_${count}`,
      stripeCustomerId: `cus_${count}`,
      email: `once${count}@example.com`,
      name: null,
      ...state,
    }),
  );
}

const license = () => licensing.reader.findByOrigin(test.database.connection, `checkout:${session}`);

async function letters(): Promise<number> {
  const rows = await test.database.connection.selectFrom('outbox').select('payload').execute();
  return rows.filter(({ payload }) => (payload as { to: string }).to === `once${count}@example.com`).length;
}

describe('a purchase without a subscription', () => {
  it('brings one licence for the plan’s own term and one letter, however often it is told', async () => {
    for (let times = 0; times < 3; times += 1) await hear({ status: 'complete', isPaid: true });
    const issued = await license();
    expect(issued).toMatchObject({ product: 'infinite-server26', coverage: 'term', subscriptionId: null });
    expect(issued?.expiresAt).toBe(ports.clock.now().getTime() + 30 * 86_400_000);
    expect(await letters()).toBe(1);
  });

  it('brings nothing until it is paid, also when the checkout itself is complete', async () => {
    await hear({ status: 'complete', isPaid: false });
    expect(await license()).toBeNull();
    await hear({ status: 'complete', isPaid: true });
    expect(await license()).not.toBeNull();
    expect(await letters()).toBe(1);
  });

  it('leaves what a subscription pays for to the subscription', async () => {
    await hear({ status: 'complete', isPaid: true, mode: 'subscription' });
    expect(await license()).toBeNull();
  });
});

describe('what is bought in advance', () => {
  const balance = async (licenseId: string) => {
    const account = licensing.ledger.account({ owner: { licenseId }, product: 'redline2' }, 'hours');
    const [found] = await licensing.ledger.balances([account]);
    return found?.account.balance.available;
  };

  it('is added once it is paid, however often that is told, and not when the checkout is only complete', async () => {
    const { connection } = test.database;
    const { license: filled } = await test.database.transaction(
      { actor: { type: 'system', id: 'test' } },
      (transaction) =>
        licensing.licenses.issue(transaction, {
          ...{ product: 'redline2', plan: 'prepaid', keyCustomer: 'none', keySubscription: 'none' },
          ...{ customerId: null, subscriptionId: null },
        }),
    );
    await connection
      .updateTable('checkouts')
      .set({ product: 'redline2', plan: 'prepaid' })
      .where('id', '=', `chk_${count}`)
      .execute();
    const quantity = 5 * 3_600_000_000;
    await insertCredit(connection, {
      ...{ checkout_id: `chk_${count}`, license_id: filled.id, meter: 'hours', pack: 'small', quantity },
      ...{ amount_cents: 2_500, currency: 'usd', granted_at: null },
    });
    // A bank that takes days: the session is complete, and the money is still to come.
    await hear({ status: 'complete', isPaid: false });
    expect([await balance(filled.id), await letters()]).toEqual([0, 0]);
    for (let times = 0; times < 3; times += 1) await hear({ status: 'complete', isPaid: true });
    expect([await balance(filled.id), await letters()]).toEqual([quantity, 1]);
    expect(await license()).toBeNull();
  });
});

describe('a session that is heard of before we wrote down that it was made', () => {
  const checkout = () => checkouts.get(`chk_${count}`);
  const asTest = { actor: { type: 'system', id: 'test' } } as const;
  const opened = (id: string) =>
    test.database.transaction(asTest, (transaction) => checkouts.opened(transaction, `chk_${count}`, { id, url: 'x' }));
  beforeEach(async () => {
    await test.database.connection
      .updateTable('checkouts')
      .set({ stripe_session_id: null, status: 'planned', url: null })
      .where('id', '=', `chk_${count}`)
      .execute();
  });

  it('belongs to its checkout all the same, and what was paid for is given', async () => {
    await hear({ status: 'complete', isPaid: true });
    expect(await license()).not.toBeNull();
    expect(await checkout()).toMatchObject({ status: 'complete', stripe_session_id: session });
  });

  it.each(['complete', 'expired'])('stays %s when we write it down', async (status) => {
    await hear({ status, isPaid: false });
    await opened(session);
    expect(await checkout()).toMatchObject({ status, stripe_session_id: session });
  });

  it('does not take the place of the one the checkout has', async () => {
    await opened('cs_test_first');
    await hear({ status: 'complete', isPaid: true });
    expect(await license()).toBeNull();
    expect(await checkout()).toMatchObject({ status: 'open', stripe_session_id: 'cs_test_first' });
  });
});
