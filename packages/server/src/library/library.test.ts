import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LatchkeyError } from '@latchkey/core';
import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyEmbeddedDatabase } from '../../../../test/support/migrated-database.ts';
import { createMigratedDatabase } from '../../test/support/database.ts';
import { createLatchkey, type Latchkey, LicenseManager, SubscriptionManager } from '../index.ts';
import type { LatchkeyOptions } from './options.ts';

let latchkey: Latchkey;
let folder: string;
let drop: () => Promise<void>;
let options: LatchkeyOptions;

const WEBHOOK_SECRET = 'whsec_of_the_test';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-library-'));
  const test = await createMigratedDatabase();
  if (test.url === null) await copyEmbeddedDatabase(folder);
  drop = test.drop;
  options = {
    port: 0,
    sandboxPort: 0,
    dataDir: folder,
    sandbox: true,
    secret: 'a root secret for the tests of the library',
    stripeWebhookSecret: WEBHOOK_SECRET,
    variables: { LICENSE_MASTER_SECRET: 'a master secret of the test' },
    ...(test.url === null ? {} : { databaseUrl: test.url }),
  };
  latchkey = await createLatchkey(options);
});

afterAll(async () => {
  await latchkey?.close();
  await drop?.();
  rmSync(folder, { recursive: true, force: true });
});

/** Waits for what a webhook brings. */
async function eventually<T>(look: () => Promise<T | null>): Promise<T> {
  const until = Date.now() + 10_000;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (Date.now() > until) throw new Error('it did not come');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('payments', () => {
  it('makes the product and its price in Stripe once', async () => {
    const product = await latchkey.payments.createProduct();
    const price = await latchkey.payments.createPrice({ productId: product.id });
    expect(price).toMatchObject({ product: product.id, unitAmount: 2500, currency: 'usd' });
    expect(await latchkey.payments.createProduct()).toEqual(product);
    expect((await latchkey.payments.createPrice({ productId: product.id })).id).toBe(price.id);
  });

  it('a customer, a subscription and a card bring a licence; cancelling takes it back', async () => {
    const { id: productId } = await latchkey.payments.createProduct();
    const price = await latchkey.payments.createPrice({ productId });
    const customer = await latchkey.payments.createCustomer({
      email: 'buyer@example.com',
      name: 'A Buyer',
      metadata: { from: 'test' },
    });
    const stripe = new Stripe('sk_test_library', stripeAddress());
    const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
    const subscription = await latchkey.payments.createSubscription({
      customerId: customer.id,
      priceId: price.id,
      paymentMethodId: card.id,
    });
    expect(subscription).toMatchObject({ object: 'subscription', status: 'active' });
    const license = await eventually(async () => {
      const all = await latchkey.licenses.listLicenses({ status: 'active' });
      return all.find(({ subscriptionId }) => subscriptionId === subscription.id) ?? null;
    });
    expect(license).toMatchObject({ email: 'buyer@example.com', customerId: customer.id, maxActivations: 1 });
    expect(await latchkey.payments.verifyPayment({ subscriptionId: subscription.id })).toMatchObject({ paid: true });
    expect(await latchkey.payments.getSubscription({ subscriptionId: subscription.id })).toMatchObject({
      status: 'active',
    });

    const before = await latchkey.subscriptions.getStatistics();
    expect(before.totalRevenueMonthly).toBe(25);
    expect(before.annualRunRate).toBe(300);
    await latchkey.subscriptions.cancelSubscription({ subscriptionId: subscription.id });
    expect(await latchkey.licenses.validateLicense(license)).toMatchObject({ valid: false, code: 'REVOKED' });
    const after = await latchkey.subscriptions.getStatistics();
    expect(after).toMatchObject({ canceled: before.canceled + 1, totalRevenueMonthly: 0 });
  });

  it('a checkout session leads to a page where the price can be paid', async () => {
    const { id: productId } = await latchkey.payments.createProduct();
    const price = await latchkey.payments.createPrice({ productId });
    const session = await latchkey.payments.createCheckoutSession({
      priceId: price.id,
      successUrl: 'https://example.com/success',
      cancelUrl: 'https://example.com/cancel',
      customerEmail: 'checkout@example.com',
    });
    expect(String((session as { url?: unknown }).url)).toContain(latchkey.sandboxUrl ?? '-');
    expect(await latchkey.payments.verifyPayment({ sessionId: session.id })).toMatchObject({ paid: false });
    await control(`/checkout/sessions/${session.id}/complete`, { payment_method: 'pm_card_visa' });
    expect(await latchkey.payments.verifyPayment({ sessionId: session.id })).toMatchObject({ paid: true });
  });

  it('takes a signed event and no other, and handling it twice changes nothing', async () => {
    const payload = JSON.stringify({
      id: 'evt_library_1',
      object: 'event',
      type: 'customer.created',
      api_version: '2026-10-28.endive',
      created: Math.floor(Date.now() / 1000),
      livemode: false,
      data: {
        object: {
          id: 'cus_by_event',
          object: 'customer',
          email: 'event@example.com',
          name: null,
          metadata: {},
          created: 1,
        },
      },
    });
    const signature = new Stripe('sk_test_x').webhooks.generateTestHeaderString({ payload, secret: WEBHOOK_SECRET });
    const forged = new Stripe('sk_test_x').webhooks.generateTestHeaderString({ payload, secret: 'whsec_another' });
    expect(await latchkey.payments.verifyWebhookSignature({ payload, signature: forged })).toBeNull();
    expect(await latchkey.payments.verifyWebhookSignature({ payload: `${payload} `, signature })).toBeNull();
    expect(await latchkey.payments.verifyWebhookSignature({ payload, signature: undefined })).toBeNull();
    const event = await latchkey.payments.verifyWebhookSignature({ payload, signature });
    if (event === null) throw new Error('the signature was right');
    expect(event.type).toBe('customer.created');
    expect(await latchkey.payments.handleWebhookEvent({ event })).toBe('stored');
    expect(await latchkey.payments.handleWebhookEvent({ event })).toBe('duplicate');
  });
});

describe('licences', () => {
  const made = (subscriptionId: string) =>
    latchkey.licenses.generateLicense({ customerId: 'cus_abc123', subscriptionId, email: 'customer@example.com' });

  it('generates, validates, activates, deactivates, renews and revokes by key', async () => {
    const licenseKey = await made('sub_xyz789');
    expect(licenseKey).toMatch(/^[0-9a-f]{16}(-[0-9a-f]{16}){15}$/);
    expect(await made('sub_xyz789')).toBe(licenseKey);
    const valid = await latchkey.licenses.validateLicense({ licenseKey });
    expect(valid).toMatchObject({
      valid: true,
      licenseData: { email: 'customer@example.com', subscriptionId: 'sub_xyz789' },
    });
    expect(valid).not.toHaveProperty('reason');

    expect(await latchkey.licenses.activateLicense({ licenseKey, serverId: 'server_001' })).toMatchObject({
      success: true,
    });
    expect(await latchkey.licenses.activateLicense({ licenseKey, serverId: 'server_002' })).toMatchObject({
      success: false,
      reason: 'Maximum activations exceeded',
    });
    expect(await latchkey.licenses.validateLicense({ licenseKey, serverId: 'server_002' })).toMatchObject({
      valid: false,
    });
    expect(await latchkey.licenses.deactivateLicense({ licenseKey })).toBe(true);
    expect(await latchkey.licenses.deactivateLicense({ licenseKey })).toBe(false);

    const before = (await latchkey.licenses.getLicenseInfo({ licenseKey }))?.expiresAt?.getTime() ?? 0;
    expect(await latchkey.licenses.renewLicense({ licenseKey })).toBe(true);
    const after = (await latchkey.licenses.getLicenseInfo({ licenseKey }))?.expiresAt?.getTime() ?? 0;
    expect(after - before).toBe(30 * 86_400_000);

    expect(await latchkey.licenses.revokeLicense({ licenseKey })).toBe(true);
    expect(await latchkey.licenses.validateLicense({ licenseKey })).toMatchObject({
      valid: false,
      reason: 'License is revoked',
    });
    expect(await latchkey.licenses.listLicenses({ status: 'revoked' })).toContainEqual(
      expect.objectContaining({ licenseKey, status: 'revoked' }),
    );
  });

  it('gives each failure its own reason, and false or null for a key that is unknown', async () => {
    const licenseKey = await made('sub_reasons');
    const flipped = (licenseKey.startsWith('0') ? '1' : '0') + licenseKey.slice(1);
    const reason = async (key: string) => (await latchkey.licenses.validateLicense({ licenseKey: key })).reason;
    expect(await reason('nonsense')).toBe('Invalid license key format');
    expect(await reason(flipped)).toBe('Invalid license signature');
    expect(await latchkey.licenses.getLicenseInfo({ licenseKey: flipped })).toBeNull();
    expect(await latchkey.licenses.revokeLicense({ licenseKey: flipped })).toBe(false);
    expect(await latchkey.licenses.renewLicense({ licenseKey: flipped })).toBe(false);
  });

  it('counts by status', async () => {
    const before = await latchkey.licenses.getStatistics();
    await made('sub_counted');
    const after = await latchkey.licenses.getStatistics();
    expect(after).toEqual({ ...before, totalLicenses: before.totalLicenses + 1, active: before.active + 1 });
  });

  it('refuses what is missing with the name of the field', async () => {
    const wrong = latchkey.licenses.generateLicense({
      customerId: '',
      subscriptionId: 'sub_1',
      email: 'a@example.com',
    });
    await expect(wrong).rejects.toSatisfy((error) => error instanceof LatchkeyError && error.path === 'customerId');
  });
});

describe('subscriptions kept by hand', () => {
  it('are added, fail three times, are renewed and cancelled, and the licence follows', async () => {
    const subscriptionId = 'sub_by_hand';
    const person = { customerId: 'cus_by_hand', email: 'hand@example.com' };
    const licenseKey = await latchkey.licenses.generateLicense({ ...person, subscriptionId });
    const added = await latchkey.subscriptions.addSubscription({ ...person, subscriptionId, licenseKey });
    expect(added).toMatchObject({ subscriptionId, status: 'active', paymentFailures: 0 });
    const valid = async () => (await latchkey.licenses.validateLicense({ licenseKey })).code;

    await latchkey.subscriptions.handlePaymentFailure({ subscriptionId });
    expect(await valid()).toBe('GRACE');
    await latchkey.subscriptions.handlePaymentFailure({ subscriptionId });
    const third = await latchkey.subscriptions.handlePaymentFailure({ subscriptionId });
    expect(third).toMatchObject({ status: 'suspended', paymentFailures: 3 });
    expect(await valid()).toBe('REVOKED');

    expect(await latchkey.subscriptions.renewSubscription({ subscriptionId })).toMatchObject({ status: 'active' });
    expect(await valid()).toBe('VALID');
    const updated = await latchkey.subscriptions.updateSubscription({
      subscriptionId,
      currentPeriodEnd: new Date(Date.now() + 3_600_000),
    });
    expect(updated.currentPeriodEnd?.getTime()).toBeLessThan(Date.now() + 3_700_000);
    const expiring = await latchkey.subscriptions.checkExpiringSubscriptions();
    expect(expiring.map((subscription) => subscription.subscriptionId)).toContain(subscriptionId);

    expect(await latchkey.subscriptions.cancelSubscription({ subscriptionId })).toMatchObject({ status: 'canceled' });
    expect(await valid()).toBe('REVOKED');
  });

  it('are monitored at an interval, once', async () => {
    expect(await latchkey.subscriptions.startMonitoring()).toBe(true);
    expect(await latchkey.subscriptions.startMonitoring()).toBe(false);
    expect(await latchkey.subscriptions.autoRenewSubscriptions()).toBeGreaterThanOrEqual(0);
    expect(await latchkey.subscriptions.stopMonitoring()).toBe(true);
    expect(await latchkey.subscriptions.stopMonitoring()).toBe(false);
  });
});

describe('the classes alone', () => {
  it('are built from options, share what equal options open, and close it with the last of them', async () => {
    const own = mkdtempSync(join(tmpdir(), 'latchkey-alone-'));
    await copyEmbeddedDatabase(own);
    const alone = { dataDir: own, sandboxPort: 0, catalog: 'examples/infinite-server26/catalog.yaml' };
    const licenses = new LicenseManager(alone);
    const subscriptions = new SubscriptionManager(alone, { checkIntervalSeconds: 60 });
    const person = { customerId: 'cus_alone', subscriptionId: 'sub_alone', email: 'alone@example.com' };
    const licenseKey = await licenses.generateLicense(person);
    expect(await subscriptions.addSubscription({ ...person, licenseKey })).toMatchObject({ status: 'active' });
    await licenses.close();
    expect(await subscriptions.getStatistics()).toMatchObject({ totalSubscriptions: 1, active: 1 });
    await subscriptions.close();
    rmSync(own, { recursive: true, force: true });
  });
});

function stripeAddress(): { host: string; port: number; protocol: 'http' } {
  const { hostname, port } = new URL(latchkey.sandboxUrl ?? '');
  return { host: hostname, port: Number(port), protocol: 'http' };
}

async function control(path: string, body: object): Promise<void> {
  const answer = await fetch(`${latchkey.sandboxUrl}/_sandbox${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${latchkey.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
}
