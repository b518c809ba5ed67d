import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import { createVault } from '../security/vault.ts';
import { checkRootSecrets, readStamp, stampDatabase } from './stamp.ts';

const { clock, randomness } = createTestPorts();
let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.connection.deleteFrom('settings').execute();
});

const stamp = (mode: 'sandbox' | 'live', stripeAccount: string | null) =>
  stampDatabase(test.database, { mode, stripeAccount }, clock.wall());
const check = (...secrets: string[]) => checkRootSecrets(test.database, createVault(secrets, randomness), clock.wall());
const [old, fresh] = ['o'.repeat(32), 'n'.repeat(32)];

describe('a database', () => {
  it('starts again as what it was', async () => {
    await stamp('sandbox', 'acct_1');
    await stamp('sandbox', 'acct_1');
    expect(await readStamp(test.database.connection)).toEqual({ mode: 'sandbox', stripeAccount: 'acct_1' });
  });

  it('of the sandbox refuses real payments, and the other way round, and says what to do', async () => {
    await stamp('sandbox', 'acct_1');
    await expect(stamp('live', 'acct_1')).rejects.toThrow(/belongs to the sandbox.*SANDBOX=on/s);
    await test.database.connection.deleteFrom('settings').execute();
    await stamp('live', null);
    await expect(stamp('sandbox', null)).rejects.toThrow(/belongs to real payments.*SANDBOX=off/s);
  });

  it('refuses another Stripe account, but may get its first one later', async () => {
    await stamp('live', null);
    await stamp('live', 'acct_1');
    await stamp('live', null);
    await expect(stamp('live', 'acct_2')).rejects.toThrow(/account acct_1.*acct_2/s);
  });

  it('is stamped with one account when several processes start as different ones together', async () => {
    const results = await Promise.allSettled([
      stamp('live', 'acct_1'),
      stamp('live', 'acct_2'),
      stamp('live', 'acct_3'),
    ]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('root secrets', () => {
  it('that made what is stored open it, also behind a newer one', async () => {
    await check(old);
    await check(old);
    await check(fresh, old);
  });

  it('that did not are refused', async () => {
    await check(old);
    await expect(check(fresh)).rejects.toThrow(/LATCHKEY_SECRET does not open/);
  });
});
