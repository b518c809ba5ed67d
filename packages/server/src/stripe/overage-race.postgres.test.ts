import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pass, subscribeCaller, useBeyond } from '../../test/support/overage.ts';
import { openShop, type Shop } from '../../test/support/shop.ts';
import { createIntents } from './intents.ts';
import { createOverageBilling } from './overage.ts';

const CATALOG = fileURLToPath(new URL('../../test/support/overage.yaml', import.meta.url));
const ROUNDS = process.env.LATCHKEY_TEST_LONG === '1' ? 50 : 5;

let shop: Shop;

beforeAll(async () => {
  shop = await openShop({ CATALOG });
});
afterAll(() => shop?.close());

/** What another process has in its own memory, over the same database. */
function anotherProcess() {
  const { app } = shop.server;
  const log = app.logs.operations.stripe;
  const intents = createIntents({ ...app, client: app.stripe, log, crashPoint: () => {} });
  return createOverageBilling({ ...app, client: app.stripe, intents, log });
}

it('use beyond a plan is told once, however many processes look at the same moment', async () => {
  const caller = await subscribeCaller(shop, 'starter');
  const lookers = [shop.server.app.overage, anotherProcess(), anotherProcess(), anotherProcess()];
  let used = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    await useBeyond(shop, caller, 'starter', round);
    used += round;
    await Promise.all(lookers.map((looker) => looker.run()));
    await pass(shop, { minutes: 11 });
    const { body } = await shop.vendor('GET', `/v1/billing/overage?subscription=${caller.id}&stripe=true`);
    expect(body.data).toMatchObject([{ steps: used, metered_steps: used, counted_steps: used }]);
  }
  await shop.vendor('POST', `/v1/subscriptions/${caller.id}/cancel`, {});
  await shop.control('/webhooks/settle', {});
  await shop.server.app.inbox.worker.settled();
  await Promise.all(lookers.map((looker) => looker.run()));
  const { data } = await shop.stripe('GET', `/v1/invoiceitems?customer=${caller.customer}`);
  expect(data.map(({ amount }: { amount: number }) => amount)).toEqual([used * 3]);
});
