import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../test/support/wire.ts';
import { createCollectingLog } from '../test/support/ports.ts';
import { openShop, type Shop } from '../test/support/shop.ts';
import type { Server } from './server.ts';

const PASSWORD = 'correct horse battery';
const OTHER_PASSWORD = 'another one altogether';
const SHOP = 'https://shop.example';

let shop: Shop;
let server: Server;
const log = createCollectingLog();
/** Everything that must be nowhere in clear. */
const secrets: string[] = [PASSWORD, OTHER_PASSWORD];

beforeAll(async () => {
  const logs = { app: log, operations: { stripe: log, license: log, subscription: log }, close() {} };
  shop = await openShop({ ALLOWED_ORIGINS: SHOP, TRUST_PROXY: 'true' }, { logs });
  server = shop.server;
});

afterAll(() => shop?.close());

interface Answer {
  status: number;
  headers: Headers;
  body: Wire;
}

interface Sent {
  token?: string | undefined;
  headers?: Record<string, string>;
}

async function call(method: string, path: string, body?: unknown, { token, headers = {} }: Sent = {}): Promise<Answer> {
  const response = await fetch(path.startsWith('http') ? path : `${server.url}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

const admin = (method: string, path: string, body?: unknown) =>
  call(method, path, body, { token: server.app.adminToken.token });
const issue = async (email: string) =>
  (await admin('POST', '/v1/licenses', { product: 'infinite-server26', email })).body as { id: string; key: string };
const licensesOf = async (token: string) =>
  (await call('GET', '/v1/licenses', undefined, { token })).body.data.map(({ id }: { id: string }) => id);

const signUp = (email: string, password = PASSWORD) =>
  call('POST', '/auth/sign-up/email', { email, password, name: 'Ada' });
const signIn = (email: string, password = PASSWORD) => call('POST', '/auth/sign-in/email', { email, password });

/** Letters to an address, the newest first. */
async function letters(email: string): Promise<{ subject: string; text: string }[]> {
  await server.app.settle();
  return (await admin('GET', `/sandbox/mail?to=${encodeURIComponent(email)}`)).body;
}

/** The link in the newest letter that has one like it. */
async function linkTo(email: string, path: string): Promise<string> {
  const found = (await letters(email)).flatMap(({ text }) => text.match(/https?:\/\/\S+/g) ?? []);
  const link = found.find((url) => new URL(url).pathname.startsWith(path));
  if (link === undefined) throw new Error(`No letter to ${email} leads to ${path}: ${found.join(' ')}`);
  const url = new URL(link);
  const token = url.searchParams.get('token') ?? url.pathname.split('/').at(-1) ?? '';
  expect(token.length).toBeGreaterThan(20);
  secrets.push(token);
  return link;
}

/** Letters to one address are a minute apart; a test does not wait for it. */
async function anotherMinute(): Promise<void> {
  await server.app.database.connection
    .updateTable('outbox')
    .set({ effect_key: sql<string>`effect_key || ':' || id` })
    .where('kind', '=', 'mail')
    .execute();
}

async function verified(email: string): Promise<string> {
  expect((await signUp(email)).status).toBe(200);
  expect((await call('GET', await linkTo(email, '/auth/verify-email'))).status).toBe(302);
  const { body } = await signIn(email);
  secrets.push(body.token);
  return body.token;
}

describe('signing up', () => {
  it('shows nothing of what an address bought until the mailed link was opened', async () => {
    const license = await issue('ada@example.com');
    const signedUp = await signUp('Ada@Example.com');
    expect(signedUp).toMatchObject({ status: 200, body: { token: null } });
    expect(signedUp.headers.getSetCookie()).toEqual([]);
    expect(signedUp.headers.get('set-auth-token')).toBeNull();
    expect(await signIn('ada@example.com')).toMatchObject({ status: 403, body: { code: 'EMAIL_NOT_VERIFIED' } });

    const opened = await call('GET', await linkTo('ada@example.com', '/auth/verify-email'));
    expect(opened.status).toBe(302);
    expect(opened.headers.get('location')).toBe(`${server.app.publicUrl.current}/account`);
    const { status, body, headers } = await signIn('ada@example.com');
    expect(status).toBe(200);
    secrets.push(body.token);
    expect(await licensesOf(body.token)).toEqual([license.id]);
    expect(await licensesOf(headers.get('set-auth-token') ?? '')).toEqual([license.id]);
    const shown = await call('GET', `/v1/licenses/${license.id}/key`, undefined, { token: body.token });
    expect(shown.body.key).toBe(license.key);
    const me = await call('GET', '/v1/customers/me', undefined, { token: body.token });
    expect(me.body).toMatchObject({ email: 'ada@example.com' });
  });

  it('makes a customer of an address that bought nothing, which later owns what is bought', async () => {
    const token = await verified('early@example.com');
    expect(await licensesOf(token)).toEqual([]);
    const license = await issue('early@example.com');
    expect(await licensesOf(token)).toEqual([license.id]);
  });

  it('does not tell whether an address has an account', async () => {
    await verified('known@example.com');
    const [again, fresh] = [await signUp('known@example.com', OTHER_PASSWORD), await signUp('unknown@example.com')];
    expect(again.status).toBe(fresh.status);
    expect(Object.keys(again.body.user).sort()).toEqual(Object.keys(fresh.body.user).sort());
    expect((await signIn('known@example.com', OTHER_PASSWORD)).status).toBe(401);
    const reset = (email: string) => call('POST', '/auth/request-password-reset', { email, redirectTo: '/' });
    expect((await reset('known@example.com')).body).toEqual((await reset('nobody@example.com')).body);
    expect((await signIn('nobody@example.com')).body).toEqual((await signIn('known@example.com', 'not the one')).body);
  });

  it('wants a password of ten characters', async () => {
    expect(await signUp('short@example.com', 'ninechars')).toMatchObject({
      status: 400,
      body: { code: 'PASSWORD_TOO_SHORT' },
    });
  });

  it('gives an address to who reads its letters, not to who claimed it first', async () => {
    await issue('victim@example.com');
    await signUp('victim@example.com', OTHER_PASSWORD);
    await signUp('victim@example.com');
    await call('GET', await linkTo('victim@example.com', '/auth/magic-link/verify'));
    // Whoever chose the password first never proved the address: their password is gone.
    expect((await signIn('victim@example.com', OTHER_PASSWORD)).status).toBe(401);
  });

  it('does not take a link for another address', async () => {
    await signUp('mallory@example.com');
    const link = new URL(await linkTo('mallory@example.com', '/auth/verify-email'));
    const [head, , signature] = (link.searchParams.get('token') ?? '').split('.');
    const claims = Buffer.from(JSON.stringify({ email: 'unproven@example.com', exp: 4e9 })).toString('base64url');
    link.searchParams.set('token', `${head}.${claims}.${signature}`);
    await signUp('unproven@example.com');
    await call('GET', link.href);
    expect((await signIn('unproven@example.com')).status).toBe(403);
  });
});

describe('a session', () => {
  it('ends when its holder signs out, and only that one', async () => {
    const first = await verified('session@example.com');
    const second = (await signIn('session@example.com')).body.token;
    expect((await call('GET', '/auth/get-session', undefined, { token: first })).body.user.email).toBe(
      'session@example.com',
    );
    expect(await call('POST', '/auth/sign-out', {}, { token: first })).toMatchObject({ status: 200 });
    expect((await call('GET', '/v1/licenses', undefined, { token: first })).status).toBe(401);
    expect((await call('GET', '/auth/get-session', undefined, { token: first })).body).toBeNull();
    expect((await call('GET', '/v1/licenses', undefined, { token: second })).status).toBe(200);
    await call('POST', '/auth/revoke-sessions', {}, { token: second });
    expect((await call('GET', '/v1/licenses', undefined, { token: second })).status).toBe(401);
  });

  it('ends by itself', async () => {
    const token = await verified('over@example.com');
    await server.app.database.connection
      .updateTable('auth_sessions')
      .set({ expires_at: new Date(Date.now() - 1_000) })
      .execute();
    expect((await call('GET', '/v1/licenses', undefined, { token })).status).toBe(401);
  });

  it('of an address that is not verified, should there ever be one, opens nothing', async () => {
    const token = await verified('unsettled@example.com');
    const verify = (email_verified: boolean) =>
      server.app.database.connection
        .updateTable('auth_users')
        .set({ email_verified, customer_id: null })
        .where('email', '=', 'unsettled@example.com')
        .execute();
    await verify(false);
    expect((await call('GET', '/v1/licenses', undefined, { token })).status).toBe(401);
    await verify(true);
    expect((await call('GET', '/v1/licenses', undefined, { token })).status).toBe(200);
  });

  it('is not opened by a token with somebody else’s signature, nor by what is stored of it', async () => {
    const token = await verified('signed@example.com');
    const signed = (await signIn('signed@example.com')).headers.get('set-auth-token') ?? '';
    const forged = `${decodeURIComponent(signed).split('.')[0]}.${'A'.repeat(43)}=`;
    expect((await call('GET', '/v1/licenses', undefined, { token: forged })).status).toBe(401);
    const rows = await server.app.database.connection.selectFrom('auth_sessions').select('token').execute();
    for (const row of rows) {
      expect(row.token).not.toContain(token);
      expect((await call('GET', '/v1/licenses', undefined, { token: row.token })).status).toBe(401);
    }
  });
});

describe('a password', () => {
  it('is replaced by a mailed link, once, and every session ends with the old one', async () => {
    const token = await verified('reset@example.com');
    const asked = { email: 'reset@example.com', redirectTo: `${SHOP}/password` };
    expect((await call('POST', '/auth/request-password-reset', asked)).status).toBe(200);
    const opened = await call('GET', await linkTo('reset@example.com', '/auth/reset-password'));
    const leads = new URL(opened.headers.get('location') ?? '');
    expect(leads.origin).toBe(SHOP);
    const body = { token: leads.searchParams.get('token'), newPassword: OTHER_PASSWORD };
    secrets.push(body.token ?? '');
    expect((await call('POST', '/auth/reset-password', body)).status).toBe(200);
    expect((await call('POST', '/auth/reset-password', body)).status).toBe(400);
    expect((await call('GET', '/v1/licenses', undefined, { token })).status).toBe(401);
    expect((await signIn('reset@example.com')).status).toBe(401);
    expect((await signIn('reset@example.com', OTHER_PASSWORD)).status).toBe(200);
  });

  it('is replaced on a page of ours where whoever asked named none', async () => {
    await verified('page@example.com');
    await call('POST', '/auth/request-password-reset', { email: 'page@example.com' });
    const link = new URL(await linkTo('page@example.com', '/account/password'));
    expect((await call('GET', link.href)).body).toContain('<form method="post" action="/account/password">');
    const submit = async (password: string) => {
      const body = new URLSearchParams({ token: link.searchParams.get('token') ?? '', password });
      return (await fetch(`${server.url}/account/password`, { method: 'POST', body })).status;
    };
    expect(await submit('too short')).toBe(400);
    expect(await submit(OTHER_PASSWORD)).toBe(200);
    expect(await submit(OTHER_PASSWORD)).toBe(404);
    expect((await signIn('page@example.com', OTHER_PASSWORD)).status).toBe(200);
  });

  it('cannot be guessed at without end, whatever address the guesses come from', async () => {
    await verified('guessed@example.com');
    const statuses: number[] = [];
    for (let guess = 0; guess < 12; guess += 1) {
      statuses.push((await signIn('guessed@example.com', `a wrong password ${guess}`)).status);
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    const blocked = await signIn('Guessed@example.com');
    expect(blocked).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});

describe('a sign-in link', () => {
  it('signs in once, and proves the address of whoever had no account', async () => {
    const license = await issue('magic@example.com');
    await call('POST', '/auth/sign-in/magic-link', { email: 'magic@example.com' });
    const link = new URL(await linkTo('magic@example.com', '/auth/magic-link/verify'));
    link.searchParams.delete('callbackURL');
    const [first, second] = await Promise.all([call('GET', link.href), call('GET', link.href)]);
    const [used, refused] = first.status === 200 ? [first, second] : [second, first];
    secrets.push(used.body.token);
    expect(await licensesOf(used.body.token)).toEqual([license.id]);
    expect(refused.status).toBe(302);
    expect(refused.headers.get('location')).toContain('INVALID_TOKEN');
    expect((await call('GET', link.href)).status).toBe(302);
  });
});

describe('letters', () => {
  it('are one a minute for an address, however often they are asked for', async () => {
    for (let count = 0; count < 4; count += 1) {
      await call('POST', '/auth/sign-in/magic-link', { email: 'flooded@example.com' });
    }
    expect(await letters('flooded@example.com')).toHaveLength(1);
    await anotherMinute();
    await call('POST', '/auth/sign-in/magic-link', { email: 'flooded@example.com' });
    expect(await letters('flooded@example.com')).toHaveLength(2);
  });
});

describe('letters from one place', () => {
  it('are no way to write to the world', async () => {
    const statuses: number[] = [];
    for (let count = 0; count <= 100; count += 1) {
      const body = { email: `stranger-${count}@example.com` };
      const headers = { 'x-forwarded-for': '192.0.2.7' };
      statuses.push((await call('POST', '/auth/sign-in/magic-link', body, { headers })).status);
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    expect(statuses.at(-1)).toBe(429);
    expect((await call('POST', '/auth/sign-in/magic-link', { email: 'elsewhere@example.com' })).status).toBe(200);
  });
});

describe('what is open', () => {
  it.each([
    ['POST', '/auth/sign-in/social'],
    ['POST', '/auth/change-email'],
    ['POST', '/auth/delete-user'],
    ['POST', '/auth/update-user'],
    ['GET', '/auth/list-sessions'],
    ['GET', '/auth/error'],
    ['GET', '/auth/callback/github'],
    ['GET', '/auth/../v1/licenses'],
    ['GET', '/auth//get-session'],
  ])('is not %s %s', async (method, path) => {
    const answer = await call(method, path, method === 'POST' ? {} : undefined);
    expect([401, 404]).toContain(answer.status);
    expect(answer.body.code).toMatch(/not_found|unauthorized/);
  });

  it('is closed to pages of other origins, and to links that lead elsewhere', async () => {
    const token = await verified('browser@example.com');
    const body = { email: 'browser@example.com', password: PASSWORD };
    const signedIn = await call('POST', '/auth/sign-in/email', body, { headers: { origin: SHOP } });
    const cookie = signedIn.headers.getSetCookie()[0] ?? '';
    expect(cookie).toMatch(/^latchkey\.session_token=.+HttpOnly; SameSite=Lax/i);
    const from = (origin: string) => ({ headers: { origin, cookie: cookie.split(';')[0] ?? '' } });
    expect((await call('POST', '/auth/sign-in/email', body, from('https://evil.example'))).status).toBe(403);
    expect((await call('POST', '/auth/sign-out', {}, from('https://evil.example'))).status).toBe(403);
    expect((await call('POST', '/auth/sign-out', {}, from('null'))).status).toBe(403);
    for (const redirectTo of ['https://evil.example/x', '//evil.example', 'javascript:alert(1)']) {
      const asked = await call('POST', '/auth/request-password-reset', { email: body.email, redirectTo });
      expect(asked.status).toBe(403);
    }
    // A cookie is for these routes alone; the API wants the token said.
    expect((await call('GET', '/v1/licenses', undefined, from(SHOP))).status).toBe(401);
    expect((await call('POST', '/auth/sign-out', {}, from(SHOP))).status).toBe(200);
    expect((await call('GET', '/v1/licenses', undefined, { token })).status).toBe(200);
  });

  it('refuses a body that is no object, too long, or holds what cannot be stored', async () => {
    const wrong: unknown[] = [[], { email: `${'x'.repeat(300)}@example.com`, password: PASSWORD }, { email: 'a\0b' }];
    for (const body of wrong) expect((await call('POST', '/auth/sign-in/email', body)).status).toBe(400);
    expect((await call('POST', '/auth/sign-in/email', { filler: 'x'.repeat(20_000) })).status).toBe(413);
  });
});

describe('what is kept', () => {
  it('tells in the audit log who signed up and became which customer', async () => {
    const { body } = await admin('GET', '/v1/audit?limit=100');
    const actions = body.data.map(({ action }: { action: string }) => action);
    expect(actions).toEqual(
      expect.arrayContaining(['account.created', 'account.linked', 'account.password_reset', 'customer.created']),
    );
  });

  it('holds no password and no token in clear: not in a table, not in the outbox, not in the log', async () => {
    expect(secrets.length).toBeGreaterThan(15);
    const { connection } = server.app.database;
    const { rows: tables } = await sql<{ name: string }>`
      SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`.execute(connection);
    const kept: string[] = log.lines.map((line) => JSON.stringify(line));
    for (const { name } of tables) {
      const { rows } = await sql<{ row: string }>`SELECT t::text AS row FROM ${sql.table(name)} t`.execute(connection);
      kept.push(...rows.map(({ row }) => row));
    }
    expect(kept.some((text) => text.includes('ada@example.com'))).toBe(true);
    for (const secret of secrets) {
      const holders = kept.filter((text) => text.includes(secret));
      expect(holders, secret.slice(0, 6)).toEqual([]);
    }
  });

  it('is forgotten a day after it ended', async () => {
    const { connection } = server.app.database;
    const ended = new Date(Date.now() - 2 * 24 * 60 * 60 * 1_000);
    await connection.updateTable('auth_sessions').set({ expires_at: ended }).execute();
    await connection.updateTable('auth_verifications').set({ expires_at: ended }).execute();
    await server.app.accounts.forget();
    expect(await connection.selectFrom('auth_sessions').select('id').execute()).toEqual([]);
    expect(await connection.selectFrom('auth_verifications').select('id').execute()).toEqual([]);
  });
});
