import { addDays, dayMs } from '@latchkey/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
});

afterAll(async () => {
  await shop?.close();
});

afterEach(() => shop.endSubscriptions());

const pass = (days: number) => shop.vendor('POST', '/sandbox/time/advance', { days });
const now = async () => new Date((await shop.vendor('GET', '/sandbox/time')).body.now as string);

async function subjects(to: string): Promise<string[]> {
  const { body } = await shop.vendor('GET', `/sandbox/mail?to=${encodeURIComponent(to)}`);
  return body.map((mail: Wire) => (mail.subject as string).replace(/ on .*/, '')).reverse();
}

/** A licence with a term of its own; its letter is left out of what is told. */
async function issue(name: string, days: number | null) {
  const email = `${name}@example.com`;
  const expires_at = days === null ? null : addDays(await now(), days).toISOString();
  const { body } = await shop.vendor('POST', '/v1/licenses', {
    product: 'quantum-falcon',
    plan: 'pro',
    email,
    expires_at,
  });
  return { id: body.id as string, told: async () => (await subjects(email)).filter((one) => !/key/i.test(one)) };
}

describe('a subscription', () => {
  it('that renews by itself is not announced; one that was canceled to its end is, until it is resumed', async () => {
    const [stays, leaves] = ['stays@example.com', 'leaves@example.com'];
    await shop.buy({ product: 'crypto-orchestrator', plan: 'basic', email: stays });
    const session = await shop.buy({ product: 'crypto-orchestrator', plan: 'basic', email: leaves });
    const cancel = await shop.vendor('POST', `/v1/subscriptions/${session.subscription}/cancel`, {
      at_period_end: true,
    });
    expect(cancel.status).toBe(200);
    const ending = (to: string) => subjects(to).then((all) => all.filter((one) => /subscription ends/.test(one)));
    await pass(24);
    expect(await ending(stays)).toHaveLength(0);
    expect(await ending(leaves)).toHaveLength(1);
    const resumed = await shop.vendor('POST', `/v1/subscriptions/${session.subscription}/resume`);
    expect(resumed.status).toBe(200);
    await pass(10);
    expect(await ending(leaves)).toHaveLength(1);
    expect((await subjects(leaves)).at(-1)).toMatch(/renewed/);
  });
});

describe('a licence with a term', () => {
  it('is announced a week and a day before its end, and told of when it has ended, once each', async () => {
    const license = await issue('term', 30);
    await pass(22);
    expect(await license.told()).toEqual([]);
    await pass(1);
    expect(await license.told()).toHaveLength(1);
    await pass(5);
    expect(await license.told()).toHaveLength(1);
    await pass(40);
    await shop.server.app.licenseNotices.run();
    expect(await license.told()).toEqual([
      expect.stringMatching(/licence ends$/),
      expect.stringMatching(/licence ends$/),
      expect.stringMatching(/licence ended$/),
    ]);
  });

  it('that is renewed is announced for its new end; the day of the old one passes in silence', async () => {
    const license = await issue('renewed', 10);
    await pass(4);
    expect(await license.told()).toHaveLength(1);
    await shop.vendor('POST', `/v1/licenses/${license.id}/renew`, {
      expires_at: addDays(await now(), 30).toISOString(),
    });
    await pass(20);
    expect(await license.told()).toHaveLength(1);
    await pass(4);
    expect(await license.told()).toHaveLength(2);
  });

  it('that is withheld, has no end, or begins within its last week is not announced as it begins', async () => {
    const revoked = await issue('revoked', 30);
    await shop.vendor('POST', `/v1/licenses/${revoked.id}/revoke`, {});
    const endless = await issue('endless', null);
    const short = await issue('short', 3);
    await pass(1);
    expect(await short.told()).toEqual([]);
    await pass(1);
    expect(await short.told()).toHaveLength(1);
    await pass(40);
    expect(await revoked.told()).toEqual([]);
    expect(await endless.told()).toEqual([]);
  });

  it('passed over while nobody looked is told of once, by what is left', async () => {
    const { app } = shop.server;
    const license = await issue('late', 9);
    await app.licenseNotices.run();
    // The clock of this house alone, and last of all tests: as if the server had been away.
    app.clock.setOffset(app.clock.offsetMs + 8.5 * dayMs);
    expect(await app.licenseNotices.run()).toBe(1);
    expect(await app.licenseNotices.run()).toBe(0);
    await app.settle();
    expect(await license.told()).toHaveLength(1);
  });
});
