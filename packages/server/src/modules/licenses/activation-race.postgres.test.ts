import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLicensing, loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import { takeSeat } from './repository.ts';

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
        components: '{}',
        at: new Date(),
      });
    const taken = await Promise.all(['a', 'b', 'c', 'd'].map(take));
    expect(taken.filter(Boolean)).toHaveLength(1);
  });
});
