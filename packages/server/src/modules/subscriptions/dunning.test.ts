import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const catalogs = {
  strict: 'dunning: { grace_days: 3, failures_before_revocation: 3 }',
  mild: 'dunning: { grace_days: 2, when_grace_ends: downgrade, downgrade_to: free, failures_before_revocation: null }',
};

const catalogOf = (id: string, dunning: string) => `id: ${id}
name: ${id}
vendor: { name: Acme Inc, support_email: help@acme.example, url: https://acme.example }
key: { scheme: random }
plans:
  - { id: free, name: Free, price: { amount: 0, currency: usd, interval: month }, features: [reading] }
  - { id: pro, name: Pro, price: { amount: 2500, currency: usd, interval: month }, features: [writing], inherits: free }
${dunning}
`;

let shop: Shop;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-dunning-'));
  for (const [id, dunning] of Object.entries(catalogs))
    writeFileSync(join(folder, `${id}.yaml`), catalogOf(id, dunning));
  shop = await openShop({ CATALOG: folder, ALERT_EMAIL: 'billing@acme.example' });
});

afterAll(async () => {
  await shop?.close();
  rmSync(folder, { recursive: true, force: true });
});

const pass = (days: number, hours = 0) => shop.vendor('POST', '/sandbox/time/advance', { days, hours });

async function subjects(to: string): Promise<string[]> {
  const { body } = await shop.vendor('GET', `/sandbox/mail?to=${encodeURIComponent(to)}`);
  return body.map((mail: Wire) => mail.subject as string).reverse();
}

/** Buys a month of `pro`; answers what to look at it with. */
async function subscribe(product: string) {
  const email = `${product}@example.com`;
  const session = await shop.buy({ product, plan: 'pro', email });
  const licenses = await shop.vendor('GET', `/v1/licenses?product=${product}`);
  const { id } = licenses.body.data[0];
  const key = await keyFor(email);
  return {
    email,
    customer: session.customer as string,
    subscription: session.subscription as string,
    card: (payment_method: string) => shop.control(`/customers/${session.customer}/payment_method`, { payment_method }),
    license: async () => (await shop.vendor('GET', `/v1/licenses/${id}`)).body,
    validate: async () => (await shop.call('POST', '/v1/licenses/validate', null, { key })).body,
    entitled: async (entitlement: string) =>
      (await shop.call('POST', '/v1/licenses/validate', null, { key, entitlements: [entitlement] })).body.valid,
  };
}

async function keyFor(email: string): Promise<string> {
  const { body } = await shop.vendor('GET', `/sandbox/mail?to=${encodeURIComponent(email)}`);
  const text = body.at(-1).text as string;
  const key = /^\s*([A-Za-z0-9-]{20,})\s*$/m.exec(text)?.[1];
  if (key === undefined) throw new Error(`no key in: ${text}`);
  return key;
}

describe('an unpaid renewal', () => {
  it('is told of at every step, withdraws by the policy, and gives all of it back at once when it is paid', async () => {
    const buyer = await subscribe('strict');
    await buyer.card('pm_card_chargeCustomerFail');
    await pass(31);
    expect(await buyer.validate()).toMatchObject({ valid: true, code: 'GRACE' });
    await pass(2);
    await pass(1, 2);
    expect(await buyer.validate()).toMatchObject({ valid: false, code: 'SUSPENDED' });
    expect((await subjects(buyer.email)).slice(1).map((subject) => subject.replace(/ – .*/, ''))).toEqual([
      'The payment for strict failed',
      'strict is still not paid',
      'The payment for strict failed',
      'strict is suspended until it is paid',
    ]);
    await buyer.card('pm_card_visa');
    await pass(5, 2);
    expect(await buyer.validate()).toMatchObject({ valid: true });
    expect((await subjects(buyer.email)).at(-1)).toMatch(/^strict is paid again, until/);
    const invoices = await shop.stripe('GET', `/v1/invoices?subscription=${buyer.subscription}`);
    expect(invoices.data.map((invoice: Wire) => [invoice.status, invoice.amount_paid])).toEqual([
      ['paid', 2500],
      ['paid', 2500],
    ]);
  });

  it('leaves the plan that the catalog names, and what was bought comes back with the payment', async () => {
    const buyer = await subscribe('mild');
    await buyer.card('pm_card_chargeCustomerFail');
    await pass(31);
    expect(await buyer.entitled('writing')).toBe(true);
    await pass(2, 2);
    expect(await buyer.license()).toMatchObject({ plan: 'free' });
    expect(await buyer.entitled('writing')).toBe(false);
    expect(await buyer.entitled('reading')).toBe(true);
    await buyer.card('pm_card_visa');
    await pass(10);
    expect(await buyer.license()).toMatchObject({ plan: 'pro', status: 'active' });
    expect(await buyer.entitled('writing')).toBe(true);
  });

  it('is told to the vendor once for each invoice', async () => {
    const alerts = await subjects('billing@acme.example');
    expect(alerts).toEqual(['A payment of 25.00 USD failed', 'A payment of 25.00 USD failed']);
  });
});
