import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestLatchkey, type TestLatchkey } from '../../test/support/latchkey.ts';
import { createClient } from '../client/client.ts';
import type { WireSigningKey } from '../client/wire.ts';
import { identityOf } from '../node/machine.ts';
import { createLicense, type LicenseOptions } from './license.ts';
import { createMemoryStore, type LicenseStore } from './store.ts';

const DAY = 24 * 60 * 60 * 1_000;
const product = 'crypto-orchestrator';
const facts = { system: 'id-1', cpu: 'cpu-1', network: 'mac-1', disk: 'disk-1' };
const machine = identityOf(facts, 'salt of the tests');

let latchkey: TestLatchkey;
let publicKeys: WireSigningKey[];
let store: LicenseStore;
let key: string;
/** Nobody listens there. */
const nowhere = createClient({ url: 'http://127.0.0.1:9', retries: 0 });

beforeAll(async () => {
  latchkey = await startTestLatchkey();
  publicKeys = await latchkey.admin.signingKeys.list();
});

afterAll(() => latchkey?.remove());

beforeEach(async () => {
  store = createMemoryStore();
  key = (await latchkey.issue(product, { plan: 'pro' })).key;
});

const licenseOf = (more: Partial<LicenseOptions> = {}) =>
  createLicense({ client: createClient({ url: latchkey.url, retries: 0 }), product, machine, store, ...more });

describe('a program that starts', () => {
  it('without a licence runs in demo mode, and says what a licence would unlock [C8] [C9]', async () => {
    const license = licenseOf();
    expect(await license.start()).toMatchObject({ valid: false, code: 'NO_LICENSE', demoMode: true, source: 'server' });
    expect(license.limit('max_bots')).toBe(3);
    expect(license.flag('live_trading')).toEqual({ enabled: false, message: 'Upgrade to Basic' });
    expect(license.allows('max_bots', 4)).toBe(false);
  });

  it('activates once, and starts with what the licence allows from then on [C9]', async () => {
    const license = licenseOf();
    await license.start();
    expect(await license.activate(key)).toMatchObject({
      valid: true,
      activation: { fingerprint: machine.fingerprint },
    });
    const again = licenseOf();
    expect(await again.start()).toMatchObject({ valid: true, plan: 'pro', demoMode: false, source: 'server' });
    expect(again.has('advanced_ml')).toBe(true);
    expect(again.limit('max_bots')).toBe(100);
    expect(again.flag('live_trading')).toEqual({ enabled: true });
  });

  it('is known again after its network card was replaced [C5]', async () => {
    await licenseOf({ key, activateAtStart: true }).start();
    const repaired = identityOf({ ...facts, network: 'mac-2' }, 'salt of the tests');
    expect(await licenseOf({ machine: repaired }).start()).toMatchObject({ valid: true });
  });

  it('is in demo mode on another machine, with the reason [C5] [C9]', async () => {
    await licenseOf({ key, activateAtStart: true }).start();
    const other = identityOf({ system: 'id-9', cpu: 'cpu-9', network: 'mac-9', disk: 'disk-9' }, 'salt of the tests');
    const license = licenseOf({ machine: other, activateAtStart: true });
    expect(await license.start()).toMatchObject({ valid: false, code: 'MACHINE_MISMATCH', demoMode: true });
    expect(license.limit('max_bots')).toBe(3);
  });

  it('takes its seat by itself where that is wanted, and gives it back', async () => {
    const license = licenseOf({ key, activateAtStart: true });
    expect(await license.start()).toMatchObject({ valid: true });
    expect(await license.deactivate()).toMatchObject({ valid: false, code: 'NO_LICENSE', demoMode: true });
    expect(await latchkey.admin.licenses.validate({ key, machine })).toMatchObject({ code: 'MACHINE_NOT_ACTIVATED' });
  });

  it('runs although nothing can be kept on its disk', async () => {
    const broken = () => Promise.reject(new Error('read-only'));
    const problems: unknown[] = [];
    const onProblem = (error: unknown) => problems.push(error);
    const license = licenseOf({ key, activateAtStart: true, store: { read: () => null, write: broken }, onProblem });
    expect(await license.start()).toMatchObject({ valid: true });
    expect(problems[0]).toMatchObject({ message: 'read-only' });
  });

  it('that has never heard of the server goes by what it was built with', async () => {
    const demo = { limits: { max_bots: 2 }, flags: { live_trading: { enabled: false, message: 'Buy it' } } };
    const license = licenseOf({ client: nowhere, key, demo });
    expect(await license.start()).toMatchObject({ valid: false, code: 'UNREACHABLE', demoMode: true, source: 'none' });
    expect(license.limit('max_bots')).toBe(2);
    expect(license.flag('live_trading')).toEqual({ enabled: false, message: 'Buy it' });
  });
});

describe('while the server is away', () => {
  const startedAt = Date.now();
  const later = (ms: number, more: Partial<LicenseOptions> = {}) =>
    licenseOf({ client: nowhere, now: () => startedAt + ms, ...more });

  it('the last yes is good for as long as the vendor said, to the day', async () => {
    await licenseOf({ key, activateAtStart: true, now: () => startedAt }).start();
    const soon = later(7 * DAY - 1_000);
    expect(await soon.start()).toMatchObject({ valid: true, source: 'cache', plan: 'pro' });
    expect(soon.has('advanced_ml')).toBe(true);
    expect(await later(7 * DAY + 1_000).start()).toMatchObject({
      valid: false,
      code: 'OFFLINE_TOO_LONG',
      demoMode: true,
    });
    expect(await later(8 * DAY, { graceDays: 0 }).start()).toMatchObject({ valid: false });
  });

  it('a clock that is set back does not make it longer', async () => {
    await licenseOf({ key, activateAtStart: true, now: () => startedAt }).start();
    await later(6 * DAY).start();
    expect(await later(1 * DAY).start()).toMatchObject({ valid: false, code: 'CLOCK_SET_BACK' });
  });

  it('a no stays a no', async () => {
    await licenseOf({ key, activateAtStart: true }).start();
    const [found] = (
      await latchkey.admin.request<{ data: { id: string }[] }>('GET', '/v1/licenses', { query: { product, limit: 1 } })
    ).data;
    await latchkey.admin.request('POST', `/v1/licenses/${found?.id}/suspend`, { body: {} });
    expect(await licenseOf().start()).toMatchObject({ valid: false, code: 'SUSPENDED' });
    expect(await later(1_000).start()).toMatchObject({ valid: false, code: 'SUSPENDED', source: 'cache' });
  });

  it('a signed file decides, over WebCrypto, with the features it carries', async () => {
    await licenseOf({ key, activateAtStart: true, publicKeys }).start();
    const license = later(3 * DAY, { publicKeys });
    expect(await license.start()).toMatchObject({ valid: true, source: 'file', plan: 'pro', demoMode: false });
    expect(license.has('advanced_ml')).toBe(true);
    expect(license.limit('max_bots')).toBe(100);
    expect(await later(15 * DAY, { publicKeys }).start()).toMatchObject({ valid: false, code: 'FILE_EXPIRED' });
    expect(await later(1 * DAY, { publicKeys }).start()).toMatchObject({ valid: false, code: 'CLOCK_SET_BACK' });
  });

  it('a file that was taken to another machine does not open there', async () => {
    await licenseOf({ key, activateAtStart: true, publicKeys }).start();
    const other = identityOf({ system: 'id-9', cpu: 'cpu-9' }, 'salt of the tests');
    expect(await later(DAY, { publicKeys, machine: other }).start()).toMatchObject({
      valid: false,
      code: 'DECRYPTION_FAILED',
    });
  });

  it.each([
    [
      'a kept yes that somebody wrote',
      (text: string) => text.replace('"valid":false', '"valid":true').replace('"MACHINE_NOT_ACTIVATED"', '"VALID"'),
    ],
    ['a kept answer to another question', (text: string) => text.replace(/"nonce":"[0-9a-f]{4}/, '"nonce":"ffff')],
  ])('%s is not believed', async (_what, edit) => {
    await licenseOf({ key, publicKeys, files: false }).start();
    const text = (await store.read()) ?? '';
    expect(edit(text)).not.toBe(text);
    await store.write(edit(text));
    expect(await later(1_000, { publicKeys }).start()).toMatchObject({ valid: false, code: 'SIGNATURE_INVALID' });
  });

  it('a store that holds nonsense is an empty one', async () => {
    await store.write('{"version":1,');
    expect(await later(0).start()).toMatchObject({ valid: false, code: 'NO_LICENSE' });
  });
});

describe('an answer from whoever is not the server', () => {
  it('is not believed where the vendor’s keys are built in', async () => {
    const [own] = publicKeys;
    const forged = [{ id: own?.id ?? '', public_key: Buffer.alloc(32, 7).toString('base64') }];
    const problems: unknown[] = [];
    const license = licenseOf({
      key,
      activateAtStart: true,
      publicKeys: forged,
      onProblem: (error) => problems.push(error),
    });
    expect(await license.start()).toMatchObject({ valid: false, code: 'UNREACHABLE', source: 'none' });
    expect(problems).toHaveLength(1);
  });
});
