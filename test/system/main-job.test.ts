import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRunningServer, MASTER_SECRET, type RunningServer } from '../support/running-server.ts';
import type { Wire } from '../support/wire.ts';

const KEY = /[0-9a-f]{16}(-[0-9a-f]{16}){15}/;

describe.each(['pglite', 'postgres'] as const)('the main job over HTTP, on %s', (engine) => {
  let folder: string;
  let server: RunningServer;
  let key: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-job-'));
    server = await createRunningServer({ engine, dataDir: join(folder, 'data'), fromNothing: true });
    await server.start();
  });

  afterAll(async () => {
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function post(path: string, body: unknown): Promise<Wire> {
    return (await server.call('POST', path, body))?.body;
  }
  async function get(path: string): Promise<Wire> {
    return (await server.call('GET', path))?.body;
  }
  const validate = (text: string) => post('/v1/licenses/validate', { key: text });
  const activate = (fingerprint: string) => post('/v1/licenses/activate', { key, machine: { fingerprint } });
  const advance = async (span: object) =>
    expect(await post('/sandbox/time/advance', span)).toMatchObject({ settled: true });

  async function buy(email: string): Promise<string> {
    const checkout = await post('/v1/checkouts', { product: 'infinite-server26', email });
    const path = `/_sandbox/checkout/sessions/${checkout.id}/complete`;
    expect((await server.stripe('POST', path, { payment_method: 'pm_card_visa' }))?.status).toBe(200);
    let letters: { text: string }[] = [];
    await expect
      .poll(async () => (letters = await get(`/sandbox/mail?to=${email}`)), { timeout: 2_000, interval: 50 })
      .toHaveLength(1);
    return KEY.exec(letters[0]?.text ?? '')?.[0] ?? '';
  }

  it('a checkout that is paid puts the key into the mailbox within two seconds [Z1]', async () => {
    key = await buy('first@example.com');
    expect(key).toHaveLength(271);
    const digits = key.replaceAll('-', '');
    expect(digits.slice(128)).toBe(createHmac('sha512', MASTER_SECRET).update(digits.slice(0, 128)).digest('hex'));
  });

  it('the key activates one machine and no other, and validates', async () => {
    expect(await activate('server_001')).toMatchObject({ valid: true });
    expect(await validate(key)).toMatchObject({ valid: true, code: 'VALID' });
    expect(await activate('server_002')).toMatchObject({ valid: false, code: 'TOO_MANY_MACHINES' });
  });

  it('a flipped character is forged, and a genuine key that was never issued is not found', async () => {
    const flipped = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
    expect(await validate(flipped)).toMatchObject({ valid: false, code: 'FORGED' });
    const hash = 'c0ffee00'.repeat(16);
    const genuine = hash + createHmac('sha512', MASTER_SECRET).update(hash).digest('hex');
    expect(await validate(genuine.match(/.{16}/g)?.join('-') ?? '')).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('a month later it is renewed and its expiry extended [Z1]', async () => {
    const before = (await validate(key)).license.expires_at;
    await advance({ days: 32 });
    const after = await validate(key);
    expect(after).toMatchObject({ valid: true, code: 'VALID' });
    expect(Date.parse(after.license.expires_at) - Date.parse(before)).toBeGreaterThan(27 * 86_400_000);
  });

  it('a card that fails leads through grace and suspension to revocation, with letters', async () => {
    const customer = (await get('/v1/customers?email=first@example.com')).data[0].stripe_customer_id;
    await server.stripe('POST', `/_sandbox/customers/${customer}/payment_method`, {
      payment_method: 'pm_card_chargeCustomerFail',
    });
    const end = (await get('/v1/subscriptions?email=first@example.com')).data[0].current_period_end;
    const now = (await get('/sandbox/time')).now;
    await advance({ seconds: Math.round((Date.parse(end) - Date.parse(now)) / 1_000) + 7_200 });
    expect(await validate(key)).toMatchObject({ valid: true, code: 'GRACE' });
    await advance({ days: 4 });
    expect(await validate(key)).toMatchObject({ valid: false, code: 'SUSPENDED' });
    await advance({ days: 6 });
    expect(await validate(key)).toMatchObject({ valid: false, code: 'REVOKED' });
    const subjects = (await get('/sandbox/mail?to=first@example.com')).map(
      (letter: { subject: string }) => letter.subject,
    );
    for (const said of [/key/, /renewed/, /failed/, /suspended/, /revoked/]) {
      expect(
        subjects.some((subject: string) => said.test(subject)),
        `${said} in ${subjects.join(' | ')}`,
      ).toBe(true);
    }
  });

  it('a second customer who cancels has no access any more', async () => {
    const second = await buy('second@example.com');
    expect(await validate(second)).toMatchObject({ code: 'VALID' });
    const subscription = (await get('/v1/subscriptions?email=second@example.com')).data[0];
    expect(subscription).toMatchObject({ status: 'active', stripe_subscription_id: expect.stringMatching(/^sub_/) });
    expect(await post(`/v1/subscriptions/${subscription.id}/cancel`, {})).toMatchObject({ status: 'canceled' });
    expect(await validate(second)).toMatchObject({ valid: false, code: 'REVOKED' });
  });

  it('it stops within ten seconds, and a second start is ready in under five with everything in place', async () => {
    // Other tests share the machine: the quickest of three starts tells.
    const startsMs: number[] = [];
    while (startsMs.length < 3 && !startsMs.some((ms) => ms < 5_000)) {
      expect(await server.stop()).toEqual({ code: 0, signal: null });
      const began = performance.now();
      await server.start();
      startsMs.push(performance.now() - began);
    }
    expect(Math.min(...startsMs)).toBeLessThan(5_000);
    expect(await validate(key)).toMatchObject({ code: 'REVOKED' });
    expect(await get('/health')).toMatchObject({ status: 'healthy', service: 'license-generation' });
  });

  it('no key and no secret of the run is readable in its log', () => {
    const output = server.output();
    for (const secret of [key, key.replaceAll('-', ''), MASTER_SECRET]) expect(output).not.toContain(secret);
  });
});
