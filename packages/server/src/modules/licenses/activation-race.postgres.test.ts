import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLicensing, loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import { takeSeat } from './seats-repository.ts';

const PARALLEL = 200;
const OFFER = {
  product: 'infinite-server26',
  plan: 'license',
  keyCustomer: 'cus_race',
  keySubscription: 'sub_race',
  customerId: null,
  subscriptionId: null,
};

let test: TestDatabase;
let licensing: ReturnType<typeof createLicensing>;

beforeAll(async () => {
  test = await createTestDatabase({ poolSize: 40 });
  licensing = createLicensing(test.database, createTestPorts(), await loadExampleCatalog());
});

afterAll(async () => {
  await test?.close();
});

describe('200 machines activating one licence at the same time', () => {
  it.each([1, 5])('for a limit of %i, exactly as many succeed', async (limit) => {
    const actor = { type: 'system', id: 'test' } as const;
    const { license, key } = await test.database.transaction({ actor }, (transaction) =>
      licensing.licenses.issue(transaction, OFFER),
    );
    await test.database.connection
      .updateTable('licenses')
      .set({ max_machines: limit })
      .where('id', '=', license.id)
      .execute();
    const answers = await Promise.all(
      Array.from({ length: PARALLEL }, (_, machine) =>
        test.database.transaction({ actor }, (transaction) =>
          licensing.licenses.activate(transaction, { key, machine: { fingerprint: `machine-${machine}` } }),
        ),
      ),
    );
    expect(answers.filter((answer) => answer.decision.valid)).toHaveLength(limit);
    expect(answers.filter((answer) => answer.decision.code === 'TOO_MANY_MACHINES')).toHaveLength(PARALLEL - limit);
    const after = await licensing.reader.get(license.id);
    expect(after.machinesUsed).toBe(limit);
    expect(after.activations).toHaveLength(limit);
  });

  it('the seat is refused in the update itself, whatever its caller believed', async () => {
    const actor = { type: 'system', id: 'test' } as const;
    const license = await test.database.transaction({ actor }, async (transaction) => {
      const issued = await licensing.licenses.issue(transaction, { ...OFFER, keySubscription: 'sub_full' });
      return issued.license;
    });
    const take = (fingerprint: string) =>
      takeSeat(test.database.connection, {
        id: `act_${fingerprint}`,
        licenseId: license.id,
        fingerprint,
        name: null,
        components: {},
        uniqueness: license.id,
        at: new Date(),
      });
    const taken = await Promise.all(['a', 'b', 'c', 'd'].map(take));
    expect(taken.filter((taking) => taking === 'taken')).toHaveLength(1);
    expect(taken.filter((taking) => taking === 'none_free')).toHaveLength(3);
  });
});

describe('one machine activating on 50 licences at the same time, where the plan allows it on one', () => {
  it('is active on exactly one, and holds no seat of the others', async () => {
    const actor = { type: 'system', id: 'test' } as const;
    const keys: string[] = [];
    for (let count = 0; count < 50; count += 1) {
      const issued = await test.database.transaction({ actor }, (transaction) =>
        licensing.licenses.issue(transaction, { ...OFFER, overrides: { policy: { machineUniqueness: 'plan' } } }),
      );
      keys.push(issued.key);
    }
    const machine = { fingerprint: 'the-one-machine' };
    const answers = await Promise.all(
      keys.map((key) =>
        test.database.transaction({ actor }, (transaction) =>
          licensing.licenses.activate(transaction, { key, machine }),
        ),
      ),
    );
    expect(answers.filter(({ decision }) => decision.valid)).toHaveLength(1);
    expect(answers.filter(({ decision }) => decision.code === 'MACHINE_MISMATCH')).toHaveLength(49);
    expect(answers.reduce((seats, { license }) => seats + (license?.machinesUsed ?? 0), 0)).toBe(1);
  });
});
