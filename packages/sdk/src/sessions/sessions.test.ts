import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ask, frameworks, startApp, type TestApp } from '../../test/support/apps.ts';
import { startTestLatchkey, type TestLatchkey } from '../../test/support/latchkey.ts';
import { createClient } from '../client/client.ts';
import type { UsageSession } from '../client/wire.ts';
import { createUsageRecorder } from '../usage/recorder.ts';
import { createSessionKeeper, type SessionKeeper, type SessionKeeperOptions } from './keeper.ts';

let latchkey: TestLatchkey;
let license: { id: string; key: string };
let app: TestApp | null = null;
let keeper: SessionKeeper | null = null;
let grants = 0;

beforeAll(async () => {
  latchkey = await startTestLatchkey();
});

afterAll(() => latchkey?.remove());

beforeEach(async () => {
  license = await latchkey.issue('redline2');
});

afterEach(async () => {
  await app?.close();
  await keeper?.close();
  app = null;
  keeper = null;
});

async function grant(quantity: number) {
  grants += 1;
  const body = { license_id: license.id, meter: 'hours', quantity, operation_key: `grant-${grants}` };
  await latchkey.admin.request('POST', '/v1/balances/grants', { body });
}

function keep(more: Partial<SessionKeeperOptions> = {}): SessionKeeper {
  keeper = createSessionKeeper({ client: createClient({ url: latchkey.url }), whenUnreachable: 'closed', ...more });
  return keeper;
}

const read = (id: string | null) => latchkey.admin.request<UsageSession>('GET', `/v1/usage-sessions/${id}`);
const withKey = () => ({ headers: { 'x-license-key': license.key } });

describe.each(frameworks)('sessions on %s', (framework) => {
  it('are named in the answer, one for all requests of a key, wherever the key stands [R5]', async () => {
    await grant(1);
    app = await startApp(framework, { sessions: keep() });
    const first = await ask(`${app.url}/signals`, withKey());
    const id = first.headers.get('x-session-id');
    expect(id).toMatch(/^uses_/);
    const inQuery = await ask(`${app.url}/free?license_key=${encodeURIComponent(license.key)}`);
    const inBody = await ask(`${app.url}/upload`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ license_key: license.key }),
    });
    expect([inQuery, inBody].map(({ headers }) => headers.get('x-session-id'))).toEqual([id, id]);
    expect(await read(id)).toMatchObject({ status: 'running', license_id: license.id });
  });

  it('begin together for requests that come together', async () => {
    await grant(1);
    app = await startApp(framework, { sessions: keep() });
    const { url } = app;
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(`${url}/signals`, withKey())));
    expect(new Set(answers.map(({ headers }) => headers.get('x-session-id'))).size).toBe(1);
  });

  it('are not asked of a request without a key, nor on other routes [R5]', async () => {
    app = await startApp(framework, { sessions: keep(), options: { routes: ['/signals'] } });
    expect((await ask(`${app.url}/signals`)).status).toBe(200);
    const elsewhere = await ask(`${app.url}/free`, withKey());
    expect([elsewhere.status, elsewhere.headers.get('x-session-id')]).toEqual([200, null]);
  });

  it('are refused when nothing is left, and to a key that nobody has', async () => {
    app = await startApp(framework, { sessions: keep() });
    const { url } = app;
    expect(await ask(`${url}/signals`, withKey())).toMatchObject({
      status: 402,
      body: { code: 'insufficient_balance' },
    });
    const unknown = await ask(`${url}/signals`, { headers: { 'x-license-key': 'RL-NO-SUCH-KEY' } });
    expect(unknown).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    await grant(1);
    expect((await ask(`${url}/signals`, withKey())).status).toBe(200);
  });
});

describe('a session', () => {
  it('ends when its key falls silent, and the next request begins another', async () => {
    await grant(1);
    const sessions = keep({ idleMs: 50 });
    const first = await sessions.touch(license.key);
    if (!first.admitted) throw new Error('refused');
    first.done();
    await vi.waitFor(
      async () => expect(await read(first.sessionId)).toMatchObject({ status: 'ended', code: 'ENDED' }),
      {
        timeout: 10_000,
      },
    );
    const second = await sessions.touch(license.key);
    expect(second).toMatchObject({ admitted: true });
    expect(second).not.toMatchObject({ sessionId: first.sessionId });
  });

  it('does not fall silent while somebody works', async () => {
    await grant(1);
    const sessions = keep({ idleMs: 0 });
    const touch = await sessions.touch(license.key);
    if (!touch.admitted) throw new Error('refused');
    expect(await read(touch.sessionId)).toMatchObject({ status: 'running' });
    touch.done();
  });

  it('ends with the program, and has deducted what it lasted', async () => {
    await grant(1);
    const sessions = keep();
    const touch = await sessions.touch(license.key);
    if (!touch.admitted) throw new Error('refused');
    await latchkey.advance({ minutes: 12 });
    await sessions.close();
    const ended = await read(touch.sessionId);
    expect(ended).toMatchObject({ status: 'ended', code: 'ENDED' });
    expect(ended.used_seconds).toBeGreaterThanOrEqual(720);
    expect(ended.used_seconds).toBeLessThan(780);
  });

  it('is one for all processes of an app, however they share the work', async () => {
    await grant(1);
    const one = createSessionKeeper({ client: createClient({ url: latchkey.url }), whenUnreachable: 'closed' });
    const here = await one.touch(license.key);
    const there = await keep().touch(license.key);
    expect(here).toMatchObject({ admitted: true });
    expect(there).toMatchObject({ sessionId: here.admitted ? here.sessionId : '' });
    await one.close();
  });
});

describe('without a server', () => {
  const nowhere = createClient({ url: 'http://127.0.0.1:9', retries: 0 });

  it.each([
    ['open', { admitted: true, sessionId: null }],
    ['closed', { admitted: false, refusal: { reason: 'unreachable' } }],
  ] as const)('a keeper that is told to be %s is so', async (whenUnreachable, expected) => {
    expect(await keep({ client: nowhere, whenUnreachable }).touch(license.key)).toMatchObject(expected);
  });

  it('time is counted afterwards, once, when they were let work [R5]', async () => {
    await grant(1);
    const recorder = createUsageRecorder({ client: createClient({ url: latchkey.url }), delayMs: 20 });
    const sessions = keep({ whenUnreachable: 'open', recorder, meter: 'hours' });
    await latchkey.stop();
    const began = Date.now();
    expect(await sessions.touch(license.key)).toMatchObject({ admitted: true, sessionId: null });
    const aloneFrom = Date.now();
    // From here on a heartbeat is due every second.
    await latchkey.start({ USAGE_CHECK_INTERVAL: '1' });
    const untilBack = Date.now();
    await vi.waitFor(() => expect(sessions.sessionOf(license.key)).not.toBeNull(), { timeout: 20_000, interval: 20 });
    const counted = Date.now();
    const first = sessions.sessionOf(license.key);
    await vi.waitFor(async () => expect(await usedMs()).toBeGreaterThanOrEqual(untilBack - aloneFrom), {
      timeout: 10_000,
    });
    expect(await usedMs()).toBeLessThanOrEqual(counted - began + 1_000);

    // The server loses sight of it, as it does in an outage of several intervals.
    await latchkey.advance({ minutes: 1 });
    expect(await read(first?.id ?? '')).toMatchObject({ status: 'ended', code: 'VANISHED' });
    const another = () => expect(sessions.sessionOf(license.key)?.id).not.toBe(first?.id);
    await vi.waitFor(another, { timeout: 20_000, interval: 20 });
    await sessions.close();
    expect(await recorder.flush()).toBe(true);
    // A minute of the server's clock, in which nobody worked here, is not counted; what passed here is.
    expect(await usedMs()).toBeGreaterThanOrEqual(untilBack - aloneFrom);
    expect(await usedMs()).toBeLessThanOrEqual(Date.now() - began + 1_000);
    await recorder.close();
  });
});

/** What was used of the licence's hours, in milliseconds. */
async function usedMs(): Promise<number> {
  const query = { license_id: license.id };
  const { data } = await latchkey.admin.request<{ data: { used: number }[] }>('GET', '/v1/balances', { query });
  return (data[0]?.used ?? 0) * 3_600_000;
}
