import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
});

afterAll(async () => {
  await shop?.close();
});

const create = (body: object) => shop.vendor('POST', '/v1/admins', body);
const signIn = (email: string, password: string) => shop.call('POST', '/auth/sign-in/email', null, { email, password });

async function tokenOf(email: string, password: string): Promise<string> {
  const { status, body } = await signIn(email, password);
  expect(status).toBe(200);
  return body.token as string;
}

describe('an admin', () => {
  it('signs in with the password that was made up, and may do everything', async () => {
    const made = await create({ email: 'Boss@Example.com', name: 'Boss' });
    expect(made).toMatchObject({ status: 201, body: { email: 'boss@example.com', name: 'Boss' } });
    expect(made.headers.get('cache-control')).toBe('no-store');
    const token = await tokenOf('boss@example.com', made.body.password);
    expect((await shop.call('GET', '/v1/audit', token)).status).toBe(200);
    const issued = await shop.call('POST', '/v1/licenses', token, { product: 'quantum-falcon', plan: 'pro' });
    expect(issued.status).toBe(201);
    const { body } = await shop.vendor('GET', '/v1/audit?limit=50');
    const actions = body.data.map(({ action, actor }: { action: string; actor: unknown }) => ({ action, actor }));
    expect(JSON.stringify(actions)).toContain('account.admin_created');
    // Who of them it was, not only that it was one.
    expect(JSON.stringify(actions)).toContain(made.body.id);
    expect(JSON.stringify(body)).not.toContain(made.body.password);
  });

  it('enters by the session’s token in the header alone: a cookie, which a foreign page could have sent along, opens nothing', async () => {
    const { body } = await create({ email: 'cookie@example.com', password: 'correct horse battery' });
    const response = await fetch(`${shop.server.url}/auth/sign-in/email`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: body.email, password: 'correct horse battery' }),
    });
    const cookie = (response.headers.getSetCookie()[0] ?? '').split(';')[0] ?? '';
    expect(cookie).toMatch(/^latchkey/);
    const asked = await fetch(`${shop.server.url}/v1/audit`, { headers: { cookie } });
    expect(asked.status).toBe(401);
  });

  it('whose address somebody else had signed up with before is the only one who gets in', async () => {
    const email = 'taken@example.com';
    const password = 'chosen by a stranger';
    await shop.call('POST', '/auth/sign-up/email', null, { email, password, name: 'Stranger' });
    const made = await create({ email });
    expect(made.status).toBe(201);
    expect((await signIn(email, password)).status).toBe(401);
    const token = await tokenOf(email, made.body.password);
    expect((await shop.call('GET', '/v1/audit', token)).status).toBe(200);
  });

  it('made again gets another password, and the sessions of the one before end', async () => {
    const first = await create({ email: 'again@example.com' });
    const token = await tokenOf('again@example.com', first.body.password);
    const second = await create({ email: 'again@example.com' });
    expect(second.body.id).toBe(first.body.id);
    expect((await shop.call('GET', '/v1/audit', token)).status).toBe(401);
    expect((await signIn('again@example.com', first.body.password)).status).toBe(401);
    await tokenOf('again@example.com', second.body.password);
  });

  it('who is removed is signed out, and a customer like any other from then on', async () => {
    const { body } = await create({ email: 'former@example.com' });
    const token = await tokenOf('former@example.com', body.password);
    expect((await shop.vendor('DELETE', `/v1/admins/${body.id}`)).status).toBe(200);
    expect((await shop.call('GET', '/v1/audit', token)).status).toBe(401);
    const again = await tokenOf('former@example.com', body.password);
    expect((await shop.call('GET', '/v1/audit', again)).status).toBe(403);
    expect((await shop.call('GET', '/v1/customers/me', again)).status).toBe(200);
    const { body: listed } = await shop.vendor('GET', '/v1/admins');
    expect(listed.data.map(({ email }: { email: string }) => email)).not.toContain('former@example.com');
    expect((await shop.vendor('DELETE', `/v1/admins/${body.id}`)).status).toBe(404);
  });

  it('is made by an admin alone, with a password that is not too short', async () => {
    expect((await create({ email: 'short@example.com', password: 'short' })).status).toBe(400);
    const customer = await shop.tokenOf('customer');
    expect((await shop.call('POST', '/v1/admins', customer, { email: 'x@example.com' })).status).toBe(403);
    expect((await shop.call('POST', '/v1/admins', null, { email: 'x@example.com' })).status).toBe(401);
  });
});
