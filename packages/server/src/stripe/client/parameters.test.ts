import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../observability/log.ts';
import type { NewCheckoutSession } from './checkout-sessions.ts';
import { createStripeClient, type StripeClient } from './index.ts';

/** What is sent to Stripe, parameter by parameter: for what the local Stripe does not act on. */
let stripe: Server;
let client: StripeClient;
let sent: { path: string; key: string; parameters: Record<string, string> };

beforeAll(async () => {
  stripe = createServer((request, answer) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      sent = {
        path: String(request.url),
        key: String(request.headers['idempotency-key']),
        parameters: Object.fromEntries(new URLSearchParams(body)),
      };
      answer.setHeader('content-type', 'application/json');
      answer.end(
        '{"id": "thing_1", "object": "thing", "url": "https://stripe.example/page", "client_secret": "secret"}',
      );
    });
  });
  await new Promise<void>((listening) => stripe.listen(0, '127.0.0.1', listening));
  const { port } = stripe.address() as AddressInfo;
  client = createStripeClient({ secretKey: 'sk_test_sent', apiUrl: `http://127.0.0.1:${port}`, log: silentLog });
});

afterAll(() => new Promise((closed) => stripe.close(closed)));

const session: NewCheckoutSession = {
  mode: 'subscription',
  priceId: 'price_1',
  successUrl: 'https://shop.example/thanks',
  cancelUrl: 'https://shop.example/back',
  metadata: {},
};
const start = async (more: Partial<NewCheckoutSession>) => {
  await client.createCheckoutSession({ ...session, ...more }, 'int_1');
  return sent.parameters;
};

describe('a checkout session', () => {
  it('asks for the address that tax depends on, and keeps it with a customer who is known', async () => {
    expect(await start({ automaticTax: true })).toMatchObject({
      'automatic_tax[enabled]': 'true',
      billing_address_collection: 'required',
    });
    expect(sent.parameters).not.toHaveProperty('customer_update[address]');
    expect(await start({ automaticTax: true, customerId: 'cus_1' })).toMatchObject({
      customer: 'cus_1',
      'customer_update[address]': 'auto',
    });
  });

  it('says nothing of tax or codes where the catalog does not', async () => {
    const parameters = await start({ automaticTax: false, promotionCodes: false });
    const named = Object.keys(parameters).join(' ');
    for (const one of ['automatic_tax', 'billing_address', 'promotion', 'discounts']) expect(named).not.toContain(one);
  });

  it('has a discount or takes codes, never both', async () => {
    expect(await start({ promotionCodes: true })).toMatchObject({ allow_promotion_codes: 'true' });
    const discounted = await start({ promotionCodes: true, discount: { promotionCode: 'promo_1' } });
    expect(discounted).toMatchObject({ 'discounts[0][promotion_code]': 'promo_1' });
    expect(discounted).not.toHaveProperty('allow_promotion_codes');
    expect(await start({ discount: { coupon: 'fifth' } })).toMatchObject({ 'discounts[0][coupon]': 'fifth' });
  });
});

describe('pages for a customer', () => {
  it('are asked for once, for the customer alone', async () => {
    const page = await client.createPortalSession({ customerId: 'cus_1', returnUrl: 'https://shop.example' }, 'int_2');
    expect(page.url).toBe('https://stripe.example/page');
    expect(sent).toEqual({
      path: '/v1/billing_portal/sessions',
      key: 'int_2',
      parameters: { customer: 'cus_1', return_url: 'https://shop.example' },
    });
    expect(await client.createSetupIntent('cus_1', 'int_3')).toEqual({ id: 'thing_1', clientSecret: 'secret' });
    expect(sent).toEqual({
      path: '/v1/setup_intents',
      key: 'int_3',
      parameters: { customer: 'cus_1', usage: 'off_session' },
    });
  });
});
