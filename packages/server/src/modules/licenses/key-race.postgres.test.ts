import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLicensing, loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts, type TestPorts } from '../../../test/support/ports.ts';

const PARALLEL = 200;
const MASTER_KEY = 'ab'.repeat(32);
const actor = { type: 'system', id: 'test' } as const;

let test: TestDatabase;
let ports: TestPorts;
let licensing: ReturnType<typeof createLicensing>;

beforeAll(async () => {
  test = await createTestDatabase({ poolSize: 40 });
  ports = createTestPorts();
  licensing = createLicensing(test.database, ports, await loadExampleCatalog());
});

afterAll(async () => {
  await test?.close();
});

const issue = (customer: string, origin?: string) =>
  test.database.transaction({ actor }, (transaction) =>
    licensing.licenses.issueOnce(transaction, {
      product: 'quantum-falcon',
      plan: 'pro',
      origin,
      keyCustomer: customer,
      keySubscription: 'none',
      customerId: null,
      subscriptionId: null,
    }),
  );

describe('200 keys for one user and tier in one second', () => {
  it('are 200 different keys, each of which recomputes from the second that stands in it, without a gap', async () => {
    const issued = await Promise.all(Array.from({ length: PARALLEL }, () => issue('user_123')));
    const keys = issued.map((one) => one?.key ?? '');
    expect(new Set(keys).size).toBe(PARALLEL);
    const seconds = keys.map((key) => {
      const [, tier, signature, second] = key.split('-');
      const signed = createHmac('sha256', MASTER_KEY).update(`user_123:pro:${second}`).digest('hex');
      expect([tier, signature]).toEqual(['PRO', signed.slice(0, 12)]);
      return Number(second);
    });
    const now = ports.clock.now().getTime() / 1000;
    expect(seconds.sort((left, right) => left - right)).toEqual(Array.from({ length: PARALLEL }, (_, at) => now + at));
    for (const key of keys) expect((await licensing.reader.validate(key, {})).code).toBe('VALID');
  });

  it('are one where they have one origin', async () => {
    const issued = await Promise.all(Array.from({ length: 50 }, () => issue('user_once', 'checkout:cs_once')));
    expect(issued.filter((one) => one !== null)).toHaveLength(1);
  });

  it('do not wait for those of other users', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let began = () => {};
    const begun = new Promise<void>((resolve) => {
      began = resolve;
    });
    const open = test.database.transaction({ actor }, async (transaction) => {
      await licensing.licenses.issue(transaction, {
        product: 'quantum-falcon',
        plan: 'pro',
        keyCustomer: 'user_slow',
        keySubscription: 'none',
        customerId: null,
        subscriptionId: null,
      });
      began();
      await held;
    });
    await begun;
    expect(await issue('user_quick')).not.toBeNull();
    release();
    await open;
  });
});
