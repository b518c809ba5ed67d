import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyEmbeddedDatabase } from '../../../../../test/support/migrated-database.ts';
import { startProcess } from '../../../../../test/support/processes.ts';
import type { Wire } from '../../../../../test/support/wire.ts';
import { createMigratedDatabase } from '../../../test/support/database.ts';
import { createLatchkey, type Latchkey, LatchkeyError, SubscriptionManager } from '../../index.ts';

/** Everything the document shows, method by method and flow by flow, with a local Stripe whose clock can be moved. */
const catalog = fileURLToPath(new URL('../../../../../examples/infinite-server26/catalog.yaml', import.meta.url));
const LICENSE_MASTER_SECRET = 'your_secure_secret_here';
const WEBHOOK_SECRET = 'whsec_YOUR_SECRET';
const KEY = /^[0-9a-f]{16}(-[0-9a-f]{16}){15}$/;
const dayMs = 86_400_000;

let latchkey: Latchkey;
let folder: string;
let drop: () => Promise<void>;
let priceId: string;
let count = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-server-licence-'));
  const test = await createMigratedDatabase();
  if (test.url === null) await copyEmbeddedDatabase(folder);
  drop = test.drop;
  latchkey = await createLatchkey({
    catalog,
    port: 0,
    sandboxPort: 0,
    sandbox: true,
    dataDir: folder,
    secret: 'a root secret for the tests of a server licence',
    stripeWebhookSecret: WEBHOOK_SECRET,
    variables: { LICENSE_MASTER_SECRET },
    ...(test.url === null ? {} : { databaseUrl: test.url }),
  });
  const product = await latchkey.payments.createProduct();
  priceId = (await latchkey.payments.createPrice({ productId: product.id })).id;
});

afterAll(async () => {
  await latchkey?.close();
  await drop?.();
  rmSync(folder, { recursive: true, force: true });
});

async function send(base: string | null, method: string, path: string, body?: string | URLSearchParams): Promise<Wire> {
  const headers: Record<string, string> = { authorization: `Bearer ${latchkey.adminToken}` };
  if (typeof body === 'string') headers['content-type'] = 'application/json';
  const answer = await fetch(`${base}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  const said: Wire = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path} answers ${answer.status}: ${JSON.stringify(said)}`);
  return said;
}
const vendor = (method: string, path: string, body?: object) =>
  send(latchkey.url, method, path, body === undefined ? undefined : JSON.stringify(body));
const control = (path: string, body: object) =>
  send(latchkey.sandboxUrl, 'POST', `/_sandbox${path}`, JSON.stringify(body));
const stripe = async (method: string, path: string): Promise<Wire> => {
  const answer = await fetch(`${latchkey.sandboxUrl}${path}`, {
    method,
    headers: { authorization: 'Bearer sk_test_x' },
  });
  return answer.json();
};

/** Moves the clock and waits until everything that became due is done; a second is enough to wait for what was begun. */
const advance = (seconds = 1) => vendor('POST', '/sandbox/time/advance', { seconds: Math.ceil(seconds) });
const now = async () => Date.parse((await vendor('GET', '/sandbox/time')).now);
const advanceTo = async (instant: Date, days = 0) =>
  advance(Math.max(1, (instant.getTime() + days * dayMs - (await now())) / 1_000));
const lettersTo = (email: string): Promise<Wire[]> => vendor('GET', `/sandbox/mail?to=${email}`);
const someone = () => {
  count += 1;
  return { email: `customer${count}@example.com`, name: `Customer ${count}` };
};
const validate = (licenseKey: string, serverId?: string) =>
  latchkey.licenses.validateLicense({ licenseKey, ...(serverId === undefined ? {} : { serverId }) });
/** A licence without a subscription of Stripe's. */
const generate = async (subscriptionId: string) => {
  const { email } = someone();
  return latchkey.licenses.generateLicense({ customerId: 'cus_abc123', subscriptionId, email });
};

/** Somebody who paid in the page: their key as it came by mail, their subscription, and who they are at Stripe. */
async function buy() {
  const { email } = someone();
  const session = await latchkey.payments.createCheckoutSession({
    priceId,
    successUrl: 'https://yourdomain.com/success',
    cancelUrl: 'https://yourdomain.com/cancel',
    customerEmail: email,
  });
  await control(`/checkout/sessions/${session.id}/complete`, { payment_method: 'pm_card_visa' });
  await advance();
  const [letter] = await lettersTo(email);
  const key = /[0-9a-f]{16}(-[0-9a-f]{16}){15}/.exec(letter?.text)?.[0] ?? '';
  const { subscriptionId } = await latchkey.payments.verifyPayment({ sessionId: session.id });
  if (subscriptionId === null) throw new Error('what was paid has no subscription');
  const info = await latchkey.licenses.getLicenseInfo({ licenseKey: key });
  return { email, key, sessionId: session.id, subscriptionId, customerId: info?.customerId ?? '' };
}
/** The subscription as the manager tells it. */
const recorded = async (subscriptionId: string) => {
  const all = await latchkey.subscriptions.checkExpiringSubscriptions({ withinDays: 36_500 });
  return all.find((one) => one.subscriptionId === subscriptionId);
};

describe('StripePaymentSystem', () => {
  it('makes product and price once, at 25.00 USD a month [I1]', async () => {
    const product = await latchkey.payments.createProduct();
    const price = await latchkey.payments.createPrice({ productId: product.id });
    expect(price).toEqual({ id: priceId, product: product.id, unitAmount: 2_500, currency: 'usd' });
    expect(await stripe('GET', `/v1/prices/${priceId}`)).toMatchObject({
      unit_amount: 2_500,
      recurring: { interval: 'month', interval_count: 1 },
    });
    await expect(latchkey.payments.createPrice({ productId: 'prod_none' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  it('makes a customer with metadata and subscribes them; the subscription is read and cancelled [I1]', async () => {
    const person = someone();
    const customer = await latchkey.payments.createCustomer({ ...person, metadata: { from: 'the page' } });
    expect(customer).toMatchObject({ object: 'customer', ...person, metadata: { from: 'the page' } });
    const subscription = await latchkey.payments.createSubscription({
      customerId: customer.id,
      priceId,
      paymentMethodId: 'pm_card_visa',
      metadata: { order: '7' },
    });
    const { id: subscriptionId } = subscription;
    expect(subscription).toMatchObject({ status: 'active', customer: customer.id, metadata: { order: '7' } });
    expect(await latchkey.payments.getSubscription({ subscriptionId })).toMatchObject({ id: subscriptionId });
    expect(await latchkey.payments.verifyPayment({ subscriptionId })).toMatchObject({ paid: true, status: 'active' });
    const licenses = await latchkey.licenses.listLicenses({ status: 'active' });
    expect(licenses.filter((license) => license.subscriptionId === subscriptionId)).toMatchObject([
      { email: person.email },
    ]);

    const again = latchkey.payments.createSubscription({ customerId: customer.id, priceId });
    await expect(again).rejects.toMatchObject({ code: 'already_subscribed' });
    expect(await latchkey.payments.cancelSubscription({ subscriptionId, atPeriodEnd: true })).toMatchObject({
      status: 'active',
      cancel_at_period_end: true,
    });
    expect(await latchkey.payments.cancelSubscription({ subscriptionId })).toMatchObject({ status: 'canceled' });
    expect(await latchkey.payments.getSubscription({ subscriptionId: 'sub_none' })).toBeNull();
  });

  it('lets a subscription without a card wait, and leaves nothing behind a card that is declined [I1]', async () => {
    const { id: customerId } = await latchkey.payments.createCustomer(someone());
    const declined = latchkey.payments.createSubscription({
      customerId,
      priceId,
      paymentMethodId: 'pm_card_chargeDeclined',
    });
    await expect(declined).rejects.toMatchObject({ code: 'stripe_declined' });
    expect((await stripe('GET', `/v1/subscriptions?customer=${customerId}`)).data).toEqual([]);
    const waiting = await latchkey.payments.createSubscription({ customerId, priceId });
    expect(waiting).toMatchObject({ status: 'incomplete' });
    const { id: subscriptionId } = waiting;
    expect(await latchkey.payments.verifyPayment({ subscriptionId })).toMatchObject({
      paid: false,
      status: 'incomplete',
    });
    const unknown = latchkey.payments.createSubscription({ customerId: 'cus_none', priceId });
    await expect(unknown).rejects.toBeInstanceOf(LatchkeyError);
  });

  it('verifies what Stripe signed, and handles it once [I1]', async () => {
    const event = { ...(await stripe('GET', '/v1/events?limit=1')).data[0], id: 'evt_by_hand' };
    const payload = JSON.stringify(event);
    const signature = signed(payload);
    expect(
      await latchkey.payments.verifyWebhookSignature({ payload, signature: signed(payload, 'whsec_x') }),
    ).toBeNull();
    const verified = await latchkey.payments.verifyWebhookSignature({ payload, signature });
    if (verified === null) throw new Error('the signature was right');
    expect(await latchkey.payments.handleWebhookEvent({ event: verified })).toBe('stored');
    expect(await latchkey.payments.handleWebhookEvent({ event: verified })).toBe('duplicate');
  });
});

const signed = (payload: string, secret = WEBHOOK_SECRET) =>
  new Stripe('sk_test_x').webhooks.generateTestHeaderString({ payload, secret });

describe('LicenseManager', () => {
  it('generates, activates, deactivates, renews, lists and revokes [I2]', async () => {
    const licenseKey = await generate('sub_xyz789');
    const activation = await latchkey.licenses.activateLicense({ licenseKey, serverId: 'server_001' });
    expect(activation).toMatchObject({ success: true, code: 'VALID' });
    const valid = await validate(licenseKey, 'server_001');
    expect(valid).toMatchObject({ valid: true, licenseData: { subscriptionId: 'sub_xyz789', maxActivations: 1 } });
    expect(await latchkey.licenses.deactivateLicense({ licenseKey })).toBe(true);
    expect(await latchkey.licenses.deactivateLicense({ licenseKey })).toBe(false);
    const before = await latchkey.licenses.getLicenseInfo({ licenseKey });
    expect(await latchkey.licenses.renewLicense({ licenseKey })).toBe(true);
    const after = await latchkey.licenses.getLicenseInfo({ licenseKey });
    expect(Number(after?.expiresAt) - Number(before?.expiresAt)).toBe(30 * dayMs);
    expect(await latchkey.licenses.revokeLicense({ licenseKey })).toBe(true);
    await expect(latchkey.licenses.renewLicense({ licenseKey })).rejects.toMatchObject({
      code: 'license_state_conflict',
    });
    const keys = async (status: 'active' | 'revoked') =>
      (await latchkey.licenses.listLicenses({ status })).map((license) => license.licenseKey);
    expect(await keys('revoked')).toContain(licenseKey);
    expect(await keys('active')).not.toContain(licenseKey);
    const unknown = { licenseKey: 'f'.repeat(16) };
    expect(await latchkey.licenses.getLicenseInfo(unknown)).toBeNull();
    expect(await latchkey.licenses.revokeLicense(unknown)).toBe(false);
    expect(await latchkey.licenses.renewLicense(unknown)).toBe(false);
  });

  it('makes keys of 256 characters in 16 groups: a hash, and the HMAC of it under the master secret [I4]', async () => {
    const [one, other] = [await generate('sub_format_1'), await generate('sub_format_2')];
    for (const key of [one, other]) {
      expect(key).toMatch(KEY);
      const hex = key.replaceAll('-', '');
      const mac = createHmac('sha512', LICENSE_MASTER_SECRET).update(hex.slice(0, 128)).digest('hex');
      expect(hex.slice(128)).toBe(mac);
    }
    expect(one.slice(0, 135)).not.toBe(other.slice(0, 135));
  });

  it('looks at format, HMAC, status, expiry and activations in this order, each with a reason of its own [I5]', async () => {
    const key = await generate('sub_order');
    const flipped = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
    const why = async (licenseKey: string, serverId?: string) => (await validate(licenseKey, serverId)).reason;
    expect(await why(`${key}-0`)).toBe('Invalid license key format');
    expect(await why(flipped)).toBe('Invalid license signature');
    await latchkey.licenses.activateLicense({ licenseKey: key, serverId: 'server_001' });
    expect(await why(key, 'server_001')).toBeUndefined();
    expect(await why(key, 'server_002')).toBe('License is activated on another server');
    expect(await latchkey.licenses.activateLicense({ licenseKey: key, serverId: 'server_002' })).toMatchObject({
      success: false,
      reason: 'Maximum activations exceeded',
    });
    const [license] = (await vendor('GET', '/v1/licenses?limit=1')).data;
    await vendor('PATCH', `/v1/licenses/${license.id}`, { expires_at: '2020-01-01T00:00:00Z' });
    expect(await why(key, 'server_002')).toBe('License has expired');
    await vendor('POST', `/v1/licenses/${license.id}/suspend`);
    expect(await why(key, 'server_002')).toBe('License is suspended');
    await latchkey.licenses.revokeLicense({ licenseKey: key });
    expect(await why(key, 'server_002')).toBe('License is revoked');
  });
});

describe('SubscriptionManager', () => {
  it('adds, updates, renews, counts failures and cancels, and the licence follows [I3]', async () => {
    const person = { customerId: 'cus_abc456', subscriptionId: 'sub_kept', email: someone().email };
    const licenseKey = await latchkey.licenses.generateLicense(person);
    const { subscriptions } = latchkey;
    expect(await subscriptions.addSubscription({ ...person, licenseKey })).toMatchObject({ status: 'active' });
    const { subscriptionId } = person;
    const soon = new Date((await now()) + dayMs / 2);
    expect((await subscriptions.updateSubscription({ subscriptionId, currentPeriodEnd: soon })).expiresAt).toEqual(
      soon,
    );
    const expiring = await subscriptions.checkExpiringSubscriptions();
    expect(expiring.map((one) => one.subscriptionId)).toContain(subscriptionId);
    const renewed = await subscriptions.renewSubscription({ subscriptionId });
    expect(Number(renewed.expiresAt) - soon.getTime()).toBe(30 * dayMs);

    expect(await subscriptions.handlePaymentFailure({ subscriptionId })).toMatchObject({
      paymentFailures: 1,
      status: 'active',
    });
    expect((await validate(licenseKey)).code).toBe('GRACE');
    await subscriptions.handlePaymentFailure({ subscriptionId });
    expect(await subscriptions.handlePaymentFailure({ subscriptionId })).toMatchObject({
      paymentFailures: 3,
      status: 'suspended',
    });
    expect((await validate(licenseKey)).code).toBe('REVOKED');
    expect(await subscriptions.cancelSubscription({ subscriptionId })).toMatchObject({ status: 'canceled' });
    await expect(subscriptions.cancelSubscription({ subscriptionId: 'sub_none' })).rejects.toMatchObject({
      code: 'resource_missing',
    });
  });

  it('monitors at an interval that can be chosen, once at a time [I3] [I10]', async () => {
    const { subscriptions } = latchkey;
    expect(await subscriptions.startMonitoring()).toBe(true);
    expect(await subscriptions.startMonitoring()).toBe(false);
    expect(await subscriptions.stopMonitoring()).toBe(true);
    expect(await subscriptions.stopMonitoring()).toBe(false);
    for (const checkIntervalSeconds of [0, Number.NaN, 100_000]) {
      expect(() => new SubscriptionManager({ catalog }, { checkIntervalSeconds })).toThrow(/checkIntervalSeconds/);
    }
  });
});

describe('the flows', () => {
  it('of a new customer: paid in the page, the key is made, mailed, recorded and watched [I6]', async () => {
    const bought = await buy();
    expect(bought.key).toMatch(KEY);
    expect(await validate(bought.key)).toMatchObject({ valid: true, licenseData: { email: bought.email } });
    expect(await latchkey.payments.verifyPayment({ sessionId: bought.sessionId })).toMatchObject({ paid: true });
    expect(await lettersTo(bought.email)).toHaveLength(1);
    expect(await recorded(bought.subscriptionId)).toMatchObject({
      status: 'active',
      paymentFailures: 0,
      plan: 'license',
    });
    const types = (await vendor('GET', '/v1/inbox?limit=100')).data.map(({ type }: Wire) => type);
    expect(types).toContain('customer.subscription.created');
    await latchkey.subscriptions.cancelSubscription(bought);
  });

  it('of a renewal: within a day of the end it is due, and the paid invoice extends licence and subscription [I7]', async () => {
    const { key, subscriptionId } = await buy();
    const first = await recorded(subscriptionId);
    const end = first?.expiresAt ?? new Date(0);
    await advanceTo(end, -0.5);
    const due = await latchkey.subscriptions.checkExpiringSubscriptions();
    expect(due.map((one) => one.subscriptionId)).toContain(subscriptionId);
    await advanceTo(end, 0.5);
    const types = (await vendor('GET', '/v1/inbox?limit=100')).data.map(({ type }: Wire) => type);
    expect(types).toContain('invoice.payment_succeeded');
    const next = await recorded(subscriptionId);
    expect(Number(next?.expiresAt) - end.getTime()).toBeGreaterThanOrEqual(28 * dayMs);
    expect(await validate(key)).toMatchObject({
      valid: true,
      code: 'VALID',
      licenseData: { expiresAt: next?.expiresAt },
    });
    await latchkey.subscriptions.cancelSubscription({ subscriptionId });
  });

  it('of a renewal whose events are held back: the monitor, or whoever asks, takes over what Stripe did [I3] [I7] [I10]', async () => {
    const { key, subscriptionId } = await buy();
    const ends = async () => (await recorded(subscriptionId))?.expiresAt ?? new Date(0);
    await control('/webhooks', { mode: 'hold' });
    const first = await ends();
    await advanceTo(first, 0.2);
    expect(await ends()).toEqual(first);
    expect(await latchkey.subscriptions.autoRenewSubscriptions()).toBeGreaterThanOrEqual(1);
    const second = await ends();
    expect(second.getTime()).toBeGreaterThan(first.getTime() + 27 * dayMs);
    expect(await latchkey.subscriptions.autoRenewSubscriptions()).toBe(0);

    await advanceTo(second, 0.2);
    expect(await latchkey.subscriptions.startMonitoring()).toBe(true);
    expect((await ends()).getTime()).toBeGreaterThan(second.getTime() + 27 * dayMs);
    await latchkey.subscriptions.stopMonitoring();
    await control('/webhooks', { mode: 'normal' });
    await control('/webhooks/flush', {});
    await advance();
    expect(await validate(key)).toMatchObject({ valid: true, code: 'VALID' });
    await latchkey.subscriptions.cancelSubscription({ subscriptionId });
  });

  it('of a cancellation: the licence is revoked, the subscription cancelled, access gone [I8]', async () => {
    const { key, email, subscriptionId } = await buy();
    const before = await latchkey.subscriptions.getStatistics();
    await stripe('DELETE', `/v1/subscriptions/${subscriptionId}`);
    await advance();
    expect(await validate(key)).toMatchObject({ valid: false, reason: 'License is revoked' });
    expect(await latchkey.licenses.activateLicense({ licenseKey: key, serverId: 's' })).toMatchObject({
      success: false,
    });
    const after = await latchkey.subscriptions.getStatistics();
    expect([after.canceled, after.active]).toEqual([before.canceled + 1, before.active - 1]);
    expect((await lettersTo(email)).length).toBe(2);
  });

  it('of a failing payment: three days of grace, then suspended, and at the third failure revoked and told [I9]', async () => {
    const { key, email, subscriptionId, customerId } = await buy();
    const end = (await recorded(subscriptionId))?.expiresAt ?? new Date(0);
    await control(`/customers/${customerId}/payment_method`, { payment_method: 'pm_card_chargeCustomerFail' });
    await advanceTo(end, 1);
    expect(await recorded(subscriptionId)).toMatchObject({ paymentFailures: 1, status: 'active' });
    expect(await validate(key)).toMatchObject({ valid: true, code: 'GRACE' });
    await advanceTo(end, 3.5);
    expect(await validate(key)).toMatchObject({ valid: false, reason: 'License is suspended' });
    await advanceTo(end, 9);
    expect(await vendor('GET', `/v1/subscriptions/${subscriptionId}`)).toMatchObject({ standing: 'revoked' });
    expect(await validate(key)).toMatchObject({ valid: false, reason: 'License is revoked' });
    const subjects = (await lettersTo(email)).map(({ subject }) => subject);
    expect(subjects.length).toBeGreaterThanOrEqual(4);
    expect(new Set(subjects).size).toBeGreaterThanOrEqual(3);
  });

  it('of time: a licence without a subscription runs 30 days and expires by itself; it is one server’s [I10] [I11]', async () => {
    const key = await generate('sub_of_time');
    const info = await latchkey.licenses.getLicenseInfo({ licenseKey: key });
    expect(Number(info?.expiresAt) - Number(info?.createdAt)).toBe(30 * dayMs);
    expect(await latchkey.licenses.activateLicense({ licenseKey: key, serverId: 'one' })).toMatchObject({
      success: true,
    });
    expect(await latchkey.licenses.activateLicense({ licenseKey: key, serverId: 'two' })).toMatchObject({
      success: false,
    });
    await advance((30 * dayMs) / 1_000 + 60);
    expect(await validate(key)).toMatchObject({ valid: false, reason: 'License has expired' });
    const expired = await latchkey.licenses.listLicenses({ status: 'expired' });
    expect(expired.map(({ licenseKey }) => licenseKey)).toContain(key);
  });
});

describe('statistics', () => {
  it('count subscriptions and licences by status, and what comes in a month and a year [I3] [I11]', async () => {
    const before = {
      subscriptions: await latchkey.subscriptions.getStatistics(),
      licenses: await latchkey.licenses.getStatistics(),
    };
    await buy();
    const subscriptions = await latchkey.subscriptions.getStatistics();
    expect(subscriptions).toEqual({
      ...before.subscriptions,
      totalSubscriptions: before.subscriptions.totalSubscriptions + 1,
      active: before.subscriptions.active + 1,
      totalRevenueMonthly: before.subscriptions.totalRevenueMonthly + 25,
      annualRunRate: (before.subscriptions.totalRevenueMonthly + 25) * 12,
      revenueMonthlyCents: { usd: (before.subscriptions.revenueMonthlyCents.usd ?? 0) + 2_500 },
    });
    expect(Object.keys(subscriptions)).toEqual(expect.arrayContaining(['canceled', 'expired', 'suspended']));
    const licenses = await latchkey.licenses.getStatistics();
    expect(licenses).toEqual({
      ...before.licenses,
      totalLicenses: before.licenses.totalLicenses + 1,
      active: before.licenses.active + 1,
    });
    const key = await generate('sub_revoked');
    await latchkey.licenses.revokeLicense({ licenseKey: key });
    expect((await latchkey.licenses.getStatistics()).revoked).toBe(licenses.revoked + 1);
  });
});

describe('the records', () => {
  it('tell of every operation in the audit log [I2] [I12]', async () => {
    const { key } = await buy();
    await latchkey.licenses.activateLicense({ licenseKey: key, serverId: 'logged' });
    await latchkey.licenses.deactivateLicense({ licenseKey: key });
    await latchkey.licenses.renewLicense({ licenseKey: key });
    await latchkey.licenses.revokeLicense({ licenseKey: key });
    const licenseId = (await latchkey.licenses.getLicenseInfo({ licenseKey: key }))?.licenseId;
    const { data } = await vendor('GET', `/v1/audit?subject_type=license&subject_id=${licenseId}`);
    expect(data.map(({ action }: Wire) => action).toReversed()).toEqual([
      'license.issued',
      'license.activated',
      'license.deactivated',
      'license.renewed',
      'license.revoked',
    ]);
    expect(data[0].actor.type).toBe('library');
  });

  it('are three logs of operations, and no key is in them [I12]', async () => {
    const own = join(folder, 'logging');
    await copyEmbeddedDatabase(own);
    const logging = await createLatchkey({
      ...{ catalog, dataDir: own, sandboxPort: 0, listen: false, logLevel: 'info', logDir: own },
      variables: { LICENSE_MASTER_SECRET },
    });
    const person = { customerId: 'cus_logged', subscriptionId: 'sub_logged', email: someone().email };
    await logging.payments.createCustomer({ email: person.email });
    const licenseKey = await logging.licenses.generateLicense(person);
    await logging.subscriptions.addSubscription({ ...person, licenseKey });
    await logging.subscriptions.cancelSubscription(person);
    await logging.close();
    const log = (name: string) => readFileSync(join(own, name), 'utf8');
    expect(log('stripe-payment.log')).toContain('customer.created');
    expect(log('license-manager.log')).toContain('license.issued');
    expect(log('subscription-manager.log')).toContain('subscription.ended');
    for (const name of ['stripe-payment.log', 'license-manager.log', 'subscription-manager.log']) {
      expect(log(name)).not.toContain(licenseKey.slice(0, 33));
    }
  });
});

describe('POST /webhook/stripe', () => {
  const deliver = async (body: string, signature: string | null) => {
    const answer = await fetch(`${latchkey.url}/webhook/stripe`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(signature === null ? {} : { 'stripe-signature': signature }) },
      body,
    });
    return [answer.status, await answer.text()];
  };
  const fiveEvents = [
    'customer.subscription.created',
    'customer.subscription.updated',
    'customer.subscription.deleted',
    'invoice.payment_succeeded',
    'invoice.payment_failed',
  ];

  it.each(fiveEvents)('takes %s with Success, and follows it [I13]', async (type) => {
    const { data } = await stripe('GET', `/v1/events?type=${type}&limit=1`);
    expect(data).toHaveLength(1);
    const id = `evt_again_${type.replaceAll('.', '_')}`;
    const body = JSON.stringify({ ...data[0], id });
    expect(await deliver(body, signed(body))).toEqual([200, 'Success']);
    await advance();
    const inbox = (await vendor('GET', '/v1/inbox?limit=100')).data;
    expect(inbox.find((entry: Wire) => entry.event_id === id || entry.id === id)).toMatchObject({ type });
    expect(await deliver(body, signed(body))).toEqual([200, 'Success']);
  });

  it('answers 400 Invalid signature for everything else [I13]', async () => {
    const body = JSON.stringify({ id: 'evt_forged', object: 'event', type: 'customer.subscription.created' });
    const invalid = [400, 'Invalid signature'];
    expect(await deliver(body, null)).toEqual(invalid);
    expect(await deliver(body, 'nonsense')).toEqual(invalid);
    expect(await deliver(body, signed(body, 'whsec_another'))).toEqual(invalid);
    expect(await deliver(`${body} `, signed(body))).toEqual(invalid);
  });

  it('answers a wrong method and a path that is not there in one shape', async () => {
    const wrong = async (path: string) => {
      const answer = await fetch(`${latchkey.url}${path}`);
      const body: Wire = await answer.json();
      return [answer.status, Object.keys(body).sort(), body.code];
    };
    expect(await wrong('/webhook/stripe')).toEqual([405, ['code', 'error'], 'method_not_allowed']);
    expect(await wrong('/webhook/nothing')).toEqual([404, ['code', 'error'], 'not_found']);
  });
});

const run = promisify(execFile);
const hasCurl = await run('curl', ['--version']).then(
  () => true,
  () => false,
);

describe('the example', () => {
  const start = (env: Record<string, string>) =>
    startProcess({
      file: 'examples/infinite-server26/server.ts',
      env: { LICENSE_SERVER_URL: latchkey.url ?? '', APP_PORT: '0', CHECK_INTERVAL: '0.1', ...env },
    });

  it('is a server that activates itself when it starts, and stops answering when its licence is revoked [I10]', async () => {
    const key = await generate('sub_example');
    const app = start({ LICENSE_KEY: key });
    const [, url = ''] = await app.waitForLine(/at (http:\S+)/);
    expect(await (await fetch(url)).json()).toMatchObject({ licensed: true, code: 'VALID' });
    expect((await latchkey.licenses.getLicenseInfo({ licenseKey: key }))?.activations).toHaveLength(1);
    await latchkey.licenses.revokeLicense({ licenseKey: key });
    await app.waitForLine(/REVOKED/);
    const refused = await fetch(url);
    expect([refused.status, await refused.json()]).toMatchObject([402, { licensed: false, code: 'REVOKED' }]);
    await app.stop();

    const again = start({ LICENSE_KEY: key });
    expect(await again.exited).toMatchObject({ code: 1 });
    expect(again.output()).toContain('Not licensed');
  });

  it.skipIf(!hasCurl)('answers the calls of the document, as a shell makes them, as documented', async () => {
    const script = fileURLToPath(new URL('../../../../../examples/infinite-server26/calls.sh', import.meta.url));
    const env = {
      BASE: latchkey.url ?? '',
      STRIPE: latchkey.sandboxUrl ?? '',
      TOKEN: latchkey.adminToken,
      STRIPE_WEBHOOK_SECRET: '',
    };
    const { stdout } = await run('bash', [script], { env: { ...process.env, ...env } });
    expect(stdout.trim().split('\n')).toHaveLength(20);
  });
});
