import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
});

afterAll(() => shop?.close());

const PURCHASES = 100;
const AT_ONCE = 10;

/** The same numbers in every run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/** What reports a payment: the webhooks, all of a wave together, or somebody who comes back to the success page. */
type Report = () => Promise<unknown>;

async function comeBack(session: string): Promise<number> {
  const answer = await fetch(`${shop.server.url}/checkout/success?session_id=${session}`, {
    headers: { authorization: `Bearer ${shop.server.app.adminToken.token}` },
  });
  await answer.text();
  return answer.status;
}

describe('hours that are paid for', () => {
  it(`are added once each, whichever of webhook and success page tells of it, in whatever order, and however often [R4]`, async () => {
    const roll = dice(20_261_121);
    const licenses = await Promise.all(
      [0, 1, 2].map(() => shop.vendor('POST', '/v1/licenses', { product: 'redline2' })),
    );
    const bought = new Map<string, { license: string; hours: number }>();
    const pages = new Map<number, number>();
    for (let wave = 0; wave < PURCHASES / AT_ONCE; wave += 1) {
      await shop.control('/webhooks', { mode: 'hold' });
      const sessions = await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          const license = licenses[roll(licenses.length)]?.body;
          const hours = 1 + roll(20);
          const order = { product: 'redline2', quantity: hours, license_key: license.key, email: 'racer@example.com' };
          // As the vendor's server, which is not limited.
          const { status, body } = await shop.vendor('POST', '/v1/checkouts', order);
          expect(status, JSON.stringify(body)).toBe(201);
          bought.set(body.id, { license: license.id, hours });
          await shop.control(`/checkout/sessions/${body.id}/complete`, { payment_method: 'pm_card_visa' });
          return String(body.id);
        }),
      );
      const visits = sessions.flatMap((session): Report[] =>
        Array.from({ length: roll(4) }, () => async () => {
          const status = await comeBack(session);
          pages.set(status, (pages.get(status) ?? 0) + 1);
        }),
      );
      // What was held goes out, and what happens from now on goes out twice.
      const webhooks: Report[] = [
        () => shop.control('/webhooks/flush', {}),
        () => shop.control('/webhooks', { mode: roll(2) === 0 ? 'duplicate' : 'shuffle' }),
      ];
      const reports = [...visits, ...webhooks].map((report) => ({ report, place: roll(1_000) }));
      reports.sort((one, other) => one.place - other.place);
      await Promise.all(reports.map(({ report }) => report()));
    }
    await shop.control('/webhooks', { mode: 'normal' });
    await shop.control('/webhooks/flush', {});
    await shop.settle();
    // And once more, late: whoever comes back to an old page.
    for (const session of bought.keys()) expect(await comeBack(session)).toBe(200);

    expect([...pages.keys()]).toEqual([200]);
    for (const { body: license } of licenses) {
      const expected = [...bought].filter(([, { license: id }]) => id === license.id);
      const { body } = await shop.vendor('GET', `/v1/balances?license_id=${license.id}&meter=hours`);
      const lots = body.data[0].lots.map(({ id, quantity }: Wire) => [id, quantity]);
      expect(new Map(lots)).toEqual(new Map(expected.map(([session, { hours }]) => [`checkout/${session}`, hours])));
      expect(body.data[0]).toMatchObject({
        granted: expected.reduce((sum, [, { hours }]) => sum + hours, 0),
        available: expected.reduce((sum, [, { hours }]) => sum + hours, 0),
      });
    }
    const { body: letters } = await shop.vendor('GET', '/sandbox/mail?to=racer@example.com');
    expect(letters).toHaveLength(PURCHASES);
    expect((await shop.vendor('GET', '/v1/ledger/proof?limit=1000')).body).toMatchObject({ balanced: true });
    expect((await shop.vendor('GET', '/health/ready')).body.webhooks ?? { failed: 0 }).toMatchObject({ failed: 0 });
  });
});
