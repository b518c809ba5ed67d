import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;
let ada: { token: string; id: string; stripe: string; subscription: string };
let bob: typeof ada;

beforeAll(async () => {
  shop = await openShop();
  ada = await someone('ada');
  bob = await someone('bob');
  // A month on, so that each has been billed twice.
  await shop.vendor('POST', '/sandbox/time/advance', { days: 33 });
});

afterAll(() => shop?.close());

async function someone(name: string): Promise<typeof ada> {
  const token = await shop.tokenOf(name);
  const session = await shop.buy({ product: 'investment-system', plan: 'starter' }, token);
  const { body: me } = await shop.call('GET', '/v1/customers/me', token);
  return { token, id: me.id, stripe: String(session.customer), subscription: String(session.subscription) };
}

const list = async (path: string, token: string | null = null): Promise<Wire[]> => {
  const { body, status } = await (token === null ? shop.vendor('GET', path) : shop.call('GET', path, token));
  expect(status, JSON.stringify(body)).toBe(200);
  return body.data;
};
const ids = (rows: Wire[]) => rows.map(({ id }) => id);
const atStripe = async (kind: string, customer: string): Promise<Wire[]> =>
  (await shop.stripe('GET', `/v1/${kind}?customer=${customer}`)).data;

describe('invoices', () => {
  it('say of each what Stripe says', async () => {
    const shown = await list(`/v1/invoices?customer=${ada.id}`);
    const real = await atStripe('invoices', ada.stripe);
    expect(ids(shown)).toEqual(ids(real));
    expect(shown).toHaveLength(2);
    // The second one also has what was used beyond the plan, which is nothing.
    expect(
      real.flatMap(({ lines }) => lines.data.map(({ amount }: Wire) => amount)).filter((amount) => amount > 0),
    ).toEqual([2900, 2900]);
    for (const [index, invoice] of real.entries()) {
      expect(shown[index]).toMatchObject({
        object: 'invoice',
        number: invoice.number,
        status: 'paid',
        customer_id: ada.id,
        stripe_subscription_id: ada.subscription,
        reason: invoice.billing_reason,
        currency: 'usd',
        subtotal: invoice.subtotal,
        total: 2900,
        amount_due: 2900,
        amount_paid: 2900,
        amount_remaining: 0,
        amount_refunded: 0,
        hosted_invoice_url: invoice.hosted_invoice_url,
        invoice_pdf: invoice.invoice_pdf,
        paid_at: new Date(invoice.status_transitions.paid_at * 1000).toISOString(),
        lines: invoice.lines.data.map((line: Wire) => ({
          description: line.description,
          amount: line.amount,
          quantity: line.quantity,
          proration: false,
          period_start: new Date(line.period.start * 1000).toISOString(),
        })),
      });
    }
  });

  it('are listed by page, customer, subscription and status', async () => {
    const all = await list('/v1/invoices?limit=100');
    expect(all).toHaveLength(4);
    const paged: string[] = [];
    let after = '';
    do {
      const { body } = await shop.vendor('GET', `/v1/invoices?limit=1${after}`);
      paged.push(...ids(body.data));
      after = body.next === null ? '' : `&after=${body.next}`;
    } while (after !== '');
    expect(paged).toEqual(ids(all));
    expect(await list(`/v1/invoices?subscription=${ada.subscription}`)).toHaveLength(2);
    const [row] = await list(`/v1/subscriptions?customer=${bob.id}`);
    const bobs = await list(`/v1/invoices?subscription=${row?.id}`);
    expect(bobs.map(({ subscription_id }) => subscription_id)).toEqual([row?.id, row?.id]);
    expect(await list('/v1/invoices?status=open')).toEqual([]);
    expect(await list('/v1/invoices?status=paid')).toHaveLength(4);
  });

  it('are the owner’s alone, and a draft is nobody’s yet', async () => {
    expect(ids(await list('/v1/invoices', ada.token))).toEqual(ids(await list(`/v1/invoices?customer=${ada.id}`)));
    expect(await list(`/v1/invoices?customer=${bob.id}`, ada.token)).toEqual([]);
    expect(await list(`/v1/invoices?subscription=${bob.subscription}`, ada.token)).toEqual([]);
    const [theirs] = await list(`/v1/invoices?customer=${bob.id}`);
    const refused = await shop.call('GET', `/v1/invoices/${theirs?.id}`, ada.token);
    const none = await shop.call('GET', '/v1/invoices/in_none', ada.token);
    expect(refused.status).toBe(404);
    expect(refused.body.detail.replace(theirs?.id, 'in_none')).toBe(none.body.detail);
    expect((await shop.call('GET', `/v1/invoices/${theirs?.id}`, bob.token)).body).toMatchObject({ id: theirs?.id });

    const renewal = new Date((await shop.vendor('GET', '/sandbox/time')).body.now);
    const end = (await shop.stripe('GET', `/v1/subscriptions/${ada.subscription}`)).items.data[0].current_period_end;
    const seconds = end - Math.floor(renewal.getTime() / 1000) + 60;
    await shop.vendor('POST', '/sandbox/time/advance', { seconds });
    const [draft] = await list(`/v1/invoices?customer=${ada.id}&status=draft`);
    expect(draft).toMatchObject({ status: 'draft', paid_at: null });
    expect(ids(await list('/v1/invoices', ada.token))).not.toContain(draft?.id);
    expect(await shop.call('GET', `/v1/invoices/${draft?.id}`, ada.token)).toMatchObject({ status: 404 });
  });

  it('tell what was given back, and are answered while Stripe is away', async () => {
    const [invoice] = await list(`/v1/invoices?customer=${bob.id}&status=paid`);
    const refund = await shop.vendor('POST', '/v1/refunds', { invoice: invoice?.id, amount: 500 });
    expect(refund.status).toBe(201);
    await shop.control('/fail', { requests: 3, status: 500 });
    expect((await shop.vendor('GET', `/v1/invoices/${invoice?.id}`)).body).toMatchObject({
      amount_paid: 2900,
      amount_refunded: 500,
    });
    await shop.control('/fail', { requests: 0, status: 500 });
  });
});

describe('payments', () => {
  it('are every charge, the owner’s for them, with no more of a card than names it', async () => {
    const mine = await list('/v1/payments', ada.token);
    expect(ids(mine)).toEqual(ids(await atStripe('charges', ada.stripe)));
    expect(mine[0]).toMatchObject({
      object: 'payment',
      status: 'succeeded',
      customer_id: ada.id,
      amount: 2900,
      card: { brand: 'visa', last4: '4242' },
    });
    expect(Object.keys(mine[0]?.card)).toEqual(['brand', 'last4']);
    expect(await list(`/v1/payments?customer=${bob.id}`, ada.token)).toEqual([]);
    expect(await list('/v1/payments?status=failed')).toEqual([]);
  });
});
