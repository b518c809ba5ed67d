import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLicensing, loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts, type TestPorts } from '../../../test/support/ports.ts';
import type { Transaction } from '../../db/database.ts';
import { createWithdrawal, type Withdraw, type WithdrawalHolds } from './index.ts';

let test: TestDatabase;
let ports: TestPorts;
let licensing: ReturnType<typeof createLicensing>;
let withdraw: Withdraw;
let id: string;
let key: string;
let count = 0;

beforeAll(async () => {
  test = await createTestDatabase();
  ports = createTestPorts();
  licensing = createLicensing(test.database, ports, await loadExampleCatalog());
  const { snapshots, audit } = licensing;
  withdraw = createWithdrawal({ snapshots, clock: ports.clock, record: audit.record });
});
afterAll(() => test?.close());

beforeEach(async () => {
  count += 1;
  const issued = await write((transaction) =>
    licensing.licenses.issue(transaction, {
      product: 'infinite-server26',
      plan: 'license',
      keyCustomer: `customer ${count}`,
      keySubscription: `subscription ${count}`,
      customerId: null,
      subscriptionId: null,
    }),
  );
  id = issued.license.id;
  key = issued.key;
});

const write = <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> =>
  test.database.transaction({ actor: { type: 'stripe', id: null } }, work);
const apply = (holds: Partial<WithdrawalHolds>) =>
  write((transaction) => withdraw(transaction, id, { refund: null, dispute: null, ...holds }));
const code = async () => (await licensing.reader.validate(key, {})).code;
const audited = async () => {
  const { connection } = test.database;
  const rows = await connection.selectFrom('audit_log').select('action').where('subject_id', '=', id).execute();
  return rows.map(({ action }) => action).filter((action) => action.includes('hold'));
};

const refund = { effect: 'revoke', reason: 'The payment was refunded (ch_1).' } as const;
const dispute = { effect: 'suspend', reason: 'The payment is disputed (ch_1, du_1).' } as const;

describe('money that was taken back', () => {
  it('takes the licence with the very next validation of one that was in memory, and gives it back likewise', async () => {
    expect(await code()).toBe('VALID');
    await apply({ dispute });
    expect(await code()).toBe('SUSPENDED');
    await apply({ dispute, refund });
    expect(await code()).toBe('REVOKED');
    await apply({});
    expect(await code()).toBe('VALID');
  });

  it('told again changes nothing: not the moment, not the version, and nothing is written down twice', async () => {
    const first = await apply({ refund });
    ports.clock.advance(60_000);
    expect(await apply({ refund })).toEqual(first);
    expect(first.holds).toMatchObject([{ cause: 'refund', ...refund }]);
    expect(await audited()).toEqual(['license.hold_placed']);
  });

  it('keeps the moment it began when only the reason changes, and begins anew when the effect does', async () => {
    const [before] = (await apply({ dispute })).holds;
    ports.clock.advance(60_000);
    const lost = { ...dispute, reason: 'The dispute of the payment was lost (ch_1, du_1).' };
    const [after] = (await apply({ dispute: lost })).holds;
    expect(after).toEqual({ ...before, reason: lost.reason });
    const [revoked] = (await apply({ dispute: { ...lost, effect: 'revoke' } })).holds;
    expect(revoked).toMatchObject({ effect: 'revoke', effectiveAt: ports.clock.now().getTime() });
  });

  it('lifts its own holds and nobody else’s', async () => {
    await write((transaction) => licensing.licenses.suspend(transaction, id, 'abuse'));
    await apply({ refund, dispute });
    const license = await apply({ refund });
    expect(license.holds.map(({ cause }) => cause)).toEqual(['admin', 'refund']);
    await apply({});
    expect(await code()).toBe('SUSPENDED');
    expect(await audited()).toEqual([
      'license.hold_placed',
      'license.hold_placed',
      'license.hold_lifted',
      'license.hold_lifted',
    ]);
  });

  it('of a licence that does not exist is an error', async () => {
    const unknown = write((transaction) => withdraw(transaction, 'lic_none', { refund, dispute: null }));
    await expect(unknown).rejects.toMatchObject({ code: 'resource_missing' });
  });
});
