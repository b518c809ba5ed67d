import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const CATALOG = new URL('../../../test/support/changing.yaml', import.meta.url);
const POLICY = 'plan_change: { upgrade: period_end, downgrade: now, proration: create_prorations }\n';

let shop: Shop;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-policy-'));
  const file = join(folder, 'catalog.yaml');
  writeFileSync(file, readFileSync(CATALOG, 'utf8') + POLICY);
  shop = await openShop({ CATALOG: file });
});
afterAll(async () => {
  await shop?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function subscribe(email: string): Promise<{ id: string; reference: string }> {
  const body = { product: 'suite', plan: 'pro', email, payment_method: 'pm_card_visa' };
  const answer = await shop.vendor('POST', '/v1/subscriptions', body);
  return { id: answer.body.id, reference: answer.body.stripe_subscription_id };
}

const change = (id: string, body: object) => shop.vendor('POST', `/v1/subscriptions/${id}/change`, body);
const charged = async (reference: string): Promise<number[]> => {
  const { data } = await shop.stripe('GET', `/v1/invoices?subscription=${reference}`);
  return data.map(({ amount_paid: paid }: Wire) => paid);
};

describe('a catalog with a policy of its own', () => {
  it('lets upgrades wait', async () => {
    const { id, reference } = await subscribe('waits@example.com');
    expect((await change(id, { plan: 'team' })).body).toMatchObject({
      change: { kind: 'upgrade', when: 'period_end' },
      subscription: { plan: 'pro', pending_change: { plan: 'team' } },
    });
    expect(await charged(reference)).toEqual([3_000]);
  });

  it('puts what a downgrade gives back on the next invoice, as the preview shows', async () => {
    const { id, reference } = await subscribe('given-back@example.com');
    const preview = await change(id, { plan: 'basic', preview: true });
    expect(preview.body).toMatchObject({
      change: { kind: 'downgrade', when: 'now', proration: 'create_prorations' },
      amount_due: 0,
    });
    expect(preview.body.lines.map(({ proration }: Wire) => proration)).toEqual([true, true]);
    expect(preview.body.total).toBeLessThan(-1_990);
    const done = await change(id, { plan: 'basic', as_of: preview.body.as_of });
    expect(done.body).toMatchObject({
      amount_due: 0,
      total: preview.body.total,
      lines: preview.body.lines,
      subscription: { plan: 'basic' },
    });
    expect(await charged(reference)).toEqual([3_000]);
    await shop.vendor('POST', '/sandbox/time/advance', { days: 32 });
    const { data } = await shop.stripe('GET', `/v1/invoices?subscription=${reference}&limit=1`);
    expect(data[0]).toMatchObject({ billing_reason: 'subscription_cycle', total: 1_000 + preview.body.total });
  });
});
