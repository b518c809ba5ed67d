import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../test/support/shop.ts';
import type { Server } from '../server.ts';

let shop: Shop;
let server: Server;

beforeAll(async () => {
  shop = await openShop();
  server = shop.server;
});

afterAll(() => shop?.close());

async function call(method: string, path: string, body?: object): Promise<Wire> {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${server.app.adminToken.token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const value: Wire = await answer.json();
  expect(answer.status, `${method} ${path}: ${JSON.stringify(value)}`).toBeLessThan(300);
  return value;
}

let customers = 0;

/** A customer with a licence of the plan, active on these machines. */
async function customerWith(
  machines: string[],
  issue: object = {},
): Promise<{ email: string; key: string; id: string }> {
  customers += 1;
  const email = `owner${customers}@example.com`;
  const licence = { product: 'crypto-orchestrator', plan: 'pro', email, max_machines: 2, ...issue };
  const { key, id } = await call('POST', '/v1/licenses', licence);
  for (const fingerprint of machines) await call('POST', '/v1/licenses/activate', { key, machine: { fingerprint } });
  return { email, key, id };
}

/** The link in the newest letter to the address, as a path; null when there is none. */
async function mailedLink(email: string): Promise<string | null> {
  const asked = await fetch(`${server.url}/release`, { method: 'POST', body: new URLSearchParams({ email }) });
  expect(asked.status).toBe(202);
  await server.app.settle();
  const letters = await call('GET', `/sandbox/mail?to=${encodeURIComponent(email)}`);
  const text: string = letters.find((letter: Wire) => letter.subject.startsWith('Free a machine'))?.text ?? '';
  return /https?:\/\/[^/]+(\/release\/\S+)/.exec(text)?.[1] ?? null;
}

async function open(path: string | null): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${server.url}${path}`);
  return { status: answer.status, text: await answer.text() };
}

async function press(text: string, machine: string): Promise<string> {
  const forms = [...text.matchAll(/action="(\/release\/[^"]+)"><button aria-label="Free ([^"]+)"/g)];
  const action = forms.find(([, , name]) => name === machine)?.[1];
  if (action === undefined) throw new Error(`no button for ${machine}`);
  const answer = await fetch(`${server.url}${action}`, { method: 'POST' });
  return answer.text();
}

const codeOf = async (key: string, fingerprint: string) =>
  (await call('POST', '/v1/licenses/validate', { key, machine: { fingerprint } })).code;

describe('an owner whose machine is lost', () => {
  it('frees it by a mailed link, and another takes its seat', async () => {
    const { email, key } = await customerWith(['lost-laptop', 'desk']);
    const link = await mailedLink(email);
    const page = await open(link);
    expect(page.text).toContain('lost-laptop');
    expect(page.text).not.toContain(key);
    expect(await press(page.text, 'lost-laptop')).toContain('The machine was released');
    expect(await codeOf(key, 'lost-laptop')).toBe('MACHINE_NOT_ACTIVATED');
    expect(await codeOf(key, 'desk')).toBe('VALID');
    const answer = await call('POST', '/v1/licenses/activate', { key, machine: { fingerprint: 'new-laptop' } });
    expect(answer.valid).toBe(true);
  });

  it('frees as many as the plan allows in its days, and then is sent to the vendor', async () => {
    const { email, key } = await customerWith(['a', 'b'], { policy: { owner_release: { max: 1, days: 30 } } });
    const link = await mailedLink(email);
    await press((await open(link)).text, 'a');
    expect(await press((await open(link)).text, 'b')).toContain('Write to the vendor');
    expect(await codeOf(key, 'b')).toBe('VALID');
  });

  it('cannot where the plan leaves it to the vendor', async () => {
    const { email, key } = await customerWith(['a'], { policy: { owner_release: { max: 0, days: 30 } } });
    expect(await press((await open(await mailedLink(email))).text, 'a')).toContain('by the vendor only');
    expect(await codeOf(key, 'a')).toBe('VALID');
  });

  it('frees nothing of anybody else', async () => {
    const mine = await customerWith(['mine']);
    const theirs = await customerWith(['theirs']);
    const link = await mailedLink(mine.email);
    const { machines } = await call('GET', `/v1/licenses/${theirs.id}`);
    await fetch(`${server.url}${link}/${machines[0].id}`, { method: 'POST' });
    expect(await codeOf(theirs.key, 'theirs')).toBe('VALID');
    expect((await open(link)).text).not.toContain('theirs');
  });
});

describe('a link', () => {
  it('is mailed to nobody who owns no machine, and the answer does not tell', async () => {
    expect(await mailedLink('nobody@example.com')).toBeNull();
    expect(await mailedLink((await customerWith([])).email)).toBeNull();
  });

  it('does not work with another secret, another id, or none', async () => {
    const { email } = await customerWith(['a']);
    const link = (await mailedLink(email)) ?? '';
    const changed = `${link.slice(0, -1)}${link.endsWith('A') ? 'B' : 'A'}`;
    for (const path of [changed, link.slice(0, -10), '/release/link_none.secret', '/release/x']) {
      expect((await open(path)).status, path).toBe(404);
    }
  });

  it('cannot be made from what the database holds', async () => {
    const { email } = await customerWith(['a']);
    const secret = (await mailedLink(email))?.split('.')[1] ?? 'missing';
    const { connection } = server.app.database;
    const rows = [
      await connection.selectFrom('owner_links').selectAll().execute(),
      await connection.selectFrom('outbox').selectAll().execute(),
      await connection.selectFrom('audit_log').selectAll().execute(),
    ];
    expect(JSON.stringify(rows)).not.toContain(secret);
  });
});

describe('a machine too many, over HTTP', () => {
  it('asks, is approved, has its seat, and its owner is told', async () => {
    const asking = { max_machines: 1, policy: { when_machines_full: 'request' } };
    const { email, key } = await customerWith(['old'], asking);
    const machine = { fingerprint: 'new', name: 'Studio' };
    const refused = await call('POST', '/v1/licenses/activate', { key, machine });
    expect(refused).toMatchObject({ valid: false, code: 'TOO_MANY_MACHINES' });
    const pending = await call('GET', '/v1/reactivations?status=pending');
    expect(pending.data).toMatchObject([{ id: refused.reactivation_request_id, fingerprint: 'new', name: 'Studio' }]);
    const path = `/v1/reactivations/${refused.reactivation_request_id}`;
    expect(await call('POST', `${path}/approve`)).toMatchObject({ status: 'approved', released: ['old'] });
    expect(await codeOf(key, 'new')).toBe('VALID');
    expect(await codeOf(key, 'old')).toBe('MACHINE_MISMATCH');
    await server.app.settle();
    const letters = await call('GET', `/sandbox/mail?to=${encodeURIComponent(email)}`);
    expect(letters[0].text).toMatch(/approved[\s\S]*Studio[\s\S]*old/);
  });
});
