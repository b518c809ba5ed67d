import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts';
import { createTestHttp } from '../../../../test/support/http.ts';
import { createLicensing, loadExampleCatalog } from '../../../../test/support/licensing.ts';
import { createTestPorts, type TestPorts } from '../../../../test/support/ports.ts';
import type { Http } from '../../../http/types.ts';
import { keyHolderRoutes } from './index.ts';

const HOME = '192.0.2.1';
const HOTEL = '198.51.100.7';

let test: TestDatabase;
let ports: TestPorts;
let licensing: ReturnType<typeof createLicensing>;
let http: Http;
let stopFollowing: () => Promise<void>;

beforeAll(async () => {
  test = await createTestDatabase();
  ports = createTestPorts();
  licensing = createLicensing(test.database, ports, await loadExampleCatalog());
  stopFollowing = await licensing.snapshots.follow(test.database);
  http = await createTestHttp({ database: test.database, ports });
  keyHolderRoutes(http, {
    licenses: licensing.licenses,
    reader: licensing.reader,
    resend: async () => {},
    signValidation: () => {
      throw new Error('Nobody asks for a signature.');
    },
  });
  await http.ready();
});

// Guesses are forgotten after a minute.
beforeEach(() => ports.clock.pass(60_000));

afterAll(async () => {
  await http?.close();
  await stopFollowing?.();
  await test?.close();
});

async function issue(product = 'redline2'): Promise<{ id: string; key: string }> {
  const { license, key } = await test.database.transaction({ actor: { type: 'system', id: null } }, (transaction) =>
    licensing.licenses.issue(transaction, {
      product,
      plan: product === 'redline2' ? 'prepaid' : 'pro',
      keyCustomer: 'cus_1',
      keySubscription: 'sub_1',
      customerId: null,
      subscriptionId: null,
      overrides: { policy: { requireCredit: null } },
    }),
  );
  return { id: license.id, key };
}

const post = (remoteAddress: string, path: string, payload: object) =>
  http.inject({ method: 'POST', url: `/v1/licenses/${path}`, remoteAddress, payload });

/** The code that is answered to a validation, or the problem's. */
async function codeOf(remoteAddress: string, key: string, question: object = {}): Promise<string> {
  return (await post(remoteAddress, 'validate', { key, ...question })).json().code;
}

/** Guesses without luck; how often each answer came. */
async function guess(count: number, of: (index: number) => [from: string, key: string]) {
  const codes: Record<string, number> = {};
  for (let index = 0; index < count; index += 1) {
    const code = await codeOf(...of(index));
    codes[code] = (codes[code] ?? 0) + 1;
  }
  return codes;
}

const somewhere = (index: number) => `10.0.${index >> 8}.${index & 255}`;
const tailOf = (index: number) => String(index).padStart(8, '0');

describe('guessing the rest of a key, from an address of its own for each guess', () => {
  it('is stopped, and holds up neither those who use the key nor those who have others', async () => {
    const { key } = await issue();
    const { key: another } = await issue();
    expect(await codeOf(HOME, key)).toBe('VALID');
    const codes = await guess(320, (index) => [somewhere(index), key.slice(0, -8) + tailOf(index)]);
    expect(codes).toEqual({ NOT_FOUND: 300, rate_limited: 20 });

    // A guess could be right: nobody but the one who had it is told.
    expect(await codeOf(HOTEL, key)).toBe('rate_limited');
    expect(await codeOf(HOTEL, another)).toBe('VALID');
    expect(await codeOf(HOME, key)).toBe('VALID');
    expect(await codeOf(HOME, key.toLowerCase())).toBe('VALID');
    expect(await codeOf(HOME, key, { entitlements: ['teleport'] })).toBe('ENTITLEMENT_MISSING');
    // It is this key they hold, not the others that begin like it.
    expect(await codeOf(HOME, key.slice(0, -8) + tailOf(1))).toBe('rate_limited');

    ports.clock.pass(60_000);
    expect(await codeOf(HOTEL, key)).toBe('VALID');
  });

  it('is stopped at activating and deactivating as well', async () => {
    const { key } = await issue();
    await guess(300, (index) => [somewhere(index), key.slice(0, -8) + tailOf(index)]);
    const machine = { fingerprint: 'm' };
    expect((await post(HOTEL, 'activate', { key, machine })).statusCode).toBe(429);
    expect((await post(HOTEL, 'deactivate', { key, machine })).statusCode).toBe(429);
  });
});

describe('guessing from one address', () => {
  it('is stopped, and others behind the same address go on with the keys that they use there', async () => {
    const { key } = await issue('crypto-orchestrator');
    const { key: newcomer } = await issue('crypto-orchestrator');
    expect(await codeOf(HOME, key)).toBe('VALID');
    const codes = await guess(620, (index) => [HOME, `${tailOf(index)} is no key`]);
    expect(codes).toEqual({ MALFORMED: 600, rate_limited: 20 });

    const refused = await post(HOME, 'validate', { key: newcomer });
    expect(refused.statusCode).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(await codeOf(HOTEL, newcomer)).toBe('VALID');

    expect(await codeOf(HOME, key)).toBe('VALID');
    const machine = { fingerprint: 'm' };
    expect((await post(HOME, 'activate', { key, machine })).json()).toMatchObject({ valid: true });
    // A licence that has changed is read anew, and who held its key is not known until the guessing ends.
    expect(await codeOf(HOME, key)).toBe('rate_limited');
    ports.clock.pass(60_000);
    expect(await codeOf(HOME, key, { machine })).toBe('VALID');
  });

  it('is not held against keys that exist, however often they are refused', async () => {
    const { key, id } = await issue('crypto-orchestrator');
    await test.database.transaction({ actor: { type: 'system', id: null } }, (transaction) =>
      licensing.licenses.revoke(transaction, id, null),
    );
    expect(await guess(700, () => [HOME, key])).toEqual({ REVOKED: 700 });
  });
});
