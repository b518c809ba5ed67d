import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';
import { parseConfig } from '../../config/config.ts';
import { type Server, startServer } from '../../server.ts';

const CATALOG = fileURLToPath(new URL('../../../test/support/changing.yaml', import.meta.url));
const ADMIN_TOKEN = 'lka_the_admin_token_of_two_servers';
const ROUNDS = process.env.LATCHKEY_TEST_LONG === '1' ? 100 : 15;

let shop: Shop;
let second: Server;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-second-'));
  const LATCHKEY_SECRET = 'a root secret that two servers share';
  shop = await openShop({ CATALOG, ADMIN_TOKEN, LATCHKEY_SECRET });
  const { config, localStripe } = shop.server.app;
  second = await startServer(
    parseConfig({
      PORT: '0',
      SANDBOX: 'on',
      STRIPE_API_URL: localStripe?.url,
      DATABASE_URL: config.databaseUrl ?? undefined,
      DATA_DIR: folder,
      LOG_LEVEL: 'silent',
      LATCHKEY_SECRET,
      ADMIN_TOKEN,
      CATALOG,
    }),
  );
});

afterAll(async () => {
  await second?.close();
  await shop?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(server: Server, path: string, body: object): Promise<{ status: number; body: Wire }> {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

const COSTS: Record<string, number> = { pro: 2_000, team: 6_777 };

describe('two upgrades of one subscription at the same moment, to two servers', () => {
  it.each([
    ['to the same plan', ['pro', 'pro']],
    ['to two plans', ['pro', 'team']],
  ] as const)(
    '%s: are charged once, in every round',
    async (_name, plans) => {
      const refusals = new Set<string>();
      for (let round = 0; round < ROUNDS; round += 1) {
        const email = `${plans.join('-')}-${round}@example.com`;
        const bought = { product: 'suite', plan: 'basic', email, payment_method: 'pm_card_visa' };
        const { stripe_subscription_id: reference } = (await ask(shop.server, '/v1/subscriptions', bought)).body;
        const path = `/v1/subscriptions/${reference}/change`;
        const servers = round % 2 === 0 ? [shop.server, second] : [second, shop.server];
        const answers = await Promise.all(plans.map((plan, index) => ask(servers[index] ?? second, path, { plan })));
        await shop.settle();
        for (const { status, body } of answers) if (status !== 200) refusals.add(`${status} ${body.code}`);
        const done: Wire[] = answers.filter(({ status }) => status === 200).map(({ body }) => body.change);
        const first = done.filter(({ from }) => from.plan === 'basic');
        expect(first, JSON.stringify(answers.map(({ body }) => body))).toHaveLength(1);
        // A machine under load may begin the other only when the first is done, and then it follows from that one.
        const next = done.find(({ from }) => from.plan !== 'basic');
        if (next !== undefined) expect(next.from.plan).toBe(first[0].to.plan);
        const now = [...first, ...done.filter((one) => one === next)].filter(({ when }) => when === 'now');
        const plan: string = now.at(-1)?.to.plan;
        const { data } = await shop.stripe('GET', `/v1/invoices?subscription=${reference}&limit=100`);
        const charges: Wire[] = data.filter(({ billing_reason: reason }: Wire) => reason === 'subscription_update');
        expect(charges).toHaveLength(now.length);
        const paid = charges.reduce((sum: number, { amount_paid: amount }) => sum + amount, 0);
        // Bought and changed within a second or two: nearly the whole difference.
        expect(paid / (COSTS[plan] ?? 0)).toBeCloseTo(1, 2);
        const { body: subscription } = await shop.vendor('GET', `/v1/subscriptions/${reference}`);
        expect(subscription).toMatchObject({ plan, status: 'active' });
      }
      for (const refusal of refusals) expect(refusal).toMatch(/^(409 (subscription_change_in_progress|conflict)|400 )/);
    },
    600_000,
  );
});
