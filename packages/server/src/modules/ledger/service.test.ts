import { hourMs, MICROSECONDS_PER_HOUR } from '@latchkey/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLedgerAccount } from '../../../test/support/ledger.ts';
import { loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import type { Transaction } from '../../db/database.ts';
import { createAudit } from '../audit/index.ts';
import { findAccount, type MeteredAccount } from './meters.ts';
import { createLedger, type Ledger } from './service.ts';

const HOUR = MICROSECONDS_PER_HOUR;
const ports = createTestPorts();
let test: TestDatabase;
let ledger: Ledger;
/** A customer's own hours, ten of them, bought under the key `purchase`. */
let account: MeteredAccount;
let customers = 0;
let keys = 0;

beforeAll(async () => {
  test = await createTestDatabase();
  const { catalog } = await loadExampleCatalog();
  const { clock, ids, log } = ports;
  ledger = createLedger({ database: test.database, catalog, clock, ids, log, audit: createAudit({ ids, clock }) });
});
afterAll(() => test.close());

beforeEach(async () => {
  customers += 1;
  const customerId = `cust_service_${customers}`;
  await createLedgerAccount(test.database.connection, customerId);
  account = ledger.account({ owner: { customerId }, product: undefined }, 'hours');
  const grant = { account, amount: 10 * HOUR, key: 'purchase', source: 'purchased', expiresAt: null } as const;
  await write((transaction) => ledger.grant(transaction, grant));
});

const write = <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> =>
  test.database.transaction({ actor: { type: 'system', id: 'test' } }, work);

const asked = (hours: number) => {
  keys += 1;
  return { account, amount: hours * HOUR, key: `key-${keys}` };
};

async function hours() {
  const [found] = await ledger.balances([account]);
  if (found === undefined) throw new Error('there is no balance');
  const { available, reserved, used, expired, returned } = found.account.balance;
  return {
    available: available / HOUR,
    reserved: reserved / HOUR,
    used: used / HOUR,
    expired: expired / HOUR,
    returned: returned / HOUR,
  };
}

async function reservation(amount: number, holdMs = hourMs): Promise<string> {
  const { code, subject } = await ledger.reserve({ ...asked(amount), holdMs });
  expect(code).toBe('done');
  return subject ?? '';
}

describe('a reservation', () => {
  it('is finalized as a whole or in part, and the rest comes back', async () => {
    const [whole, part] = [await reservation(3), await reservation(4)];
    expect(await hours()).toMatchObject({ available: 3, reserved: 7 });
    expect((await ledger.finalize(whole)).outcome).toMatchObject({ code: 'done', amount: 3 * HOUR });
    expect((await ledger.finalize(part, HOUR)).outcome).toMatchObject({ code: 'done', amount: HOUR });
    expect(await hours()).toMatchObject({ available: 6, reserved: 0, used: 4 });
  });

  it('is finalized or released once, and the same again answers so', async () => {
    const [used, released] = [await reservation(3), await reservation(4)];
    await ledger.finalize(used);
    await ledger.release(released);
    expect((await ledger.finalize(used)).outcome.code).toBe('exists');
    expect((await ledger.release(released)).outcome.code).toBe('exists');
    expect((await ledger.release(used)).outcome.code).toBe('reservation_closed');
    expect((await ledger.finalize(released)).outcome.code).toBe('reservation_closed');
    expect(await hours()).toMatchObject({ available: 7, used: 3 });
  });

  it('comes back by itself when its time is over, for whoever looks and whoever uses', async () => {
    const id = await reservation(10, hourMs);
    expect((await ledger.consume(asked(1))).code).toBe('insufficient');
    ports.clock.advance(hourMs);
    expect(await hours()).toMatchObject({ available: 10, reserved: 0 });
    expect((await ledger.consume(asked(10))).code).toBe('done');
    expect((await ledger.finalize(id)).outcome.code).toBe('reservation_closed');
  });

  it('that nobody made is not found', async () => {
    await expect(ledger.finalize('rsv_none')).rejects.toMatchObject({ code: 'resource_missing' });
  });
});

describe('a purchase that is taken back', () => {
  const takeBack = (more: { key: string; lot?: string; amount?: number }) =>
    write((transaction) => ledger.takeBack(transaction, { account, lot: 'purchase', ...more }));

  it('is taken as far as it was not used, and says how much that was', async () => {
    await ledger.consume(asked(4));
    const outcome = await takeBack({ key: 'refund' });
    expect(outcome).toMatchObject({ code: 'done', amount: 6 * HOUR, requested: 10 * HOUR });
    expect(await takeBack({ key: 'refund' })).toMatchObject({ code: 'exists', amount: 6 * HOUR });
    expect(await hours()).toMatchObject({ available: 0, used: 4, returned: 6 });
  });

  it('in part leaves the rest, and touches no other grant', async () => {
    const gift = { ...asked(5), source: 'granted', expiresAt: null } as const;
    await write((transaction) => ledger.grant(transaction, gift));
    await takeBack({ key: 'half', amount: 5 * HOUR });
    expect(await hours()).toMatchObject({ available: 10, returned: 5 });
    await takeBack({ key: 'all' });
    expect(await hours()).toMatchObject({ available: 5, returned: 10 });
  });

  it('must have been made', async () => {
    await expect(takeBack({ key: 'refund', lot: 'nothing' })).rejects.toMatchObject({ code: 'resource_missing' });
  });
});

describe('a use', () => {
  it('may take what is left where that is less', async () => {
    expect(await ledger.consume({ ...asked(12), whenShort: 'take' })).toMatchObject({
      code: 'done',
      amount: 10 * HOUR,
    });
    expect(await hours()).toMatchObject({ available: 0, used: 10 });
  });
});

describe('an account', () => {
  it('is asked for by its product where two have a meter of the name', async () => {
    const { catalog } = await loadExampleCatalog();
    const twice = { products: catalog.products.flatMap((product) => [product, { ...product, id: `${product.id}-2` }]) };
    const owner = { customerId: 'cust_1' };
    expect(() => findAccount(twice, { owner, product: undefined }, 'hours')).toThrow('name the product');
    expect(findAccount(twice, { owner, product: 'redline2-2' }, 'hours').id).toBe('customer/cust_1/redline2-2/hours');
  });

  it('is of a meter that the catalog has, and of one product’s', () => {
    const owner = { customerId: 'cust_1' };
    expect(() => ledger.account({ owner, product: undefined }, 'miles')).toThrow('no meter "miles" in the catalog');
    expect(() => ledger.account({ owner, product: 'investment-system' }, 'hours')).toThrow(
      'in the product investment-system',
    );
    expect(ledger.account({ owner, product: undefined }, 'hours').id).toBe('customer/cust_1/redline2/hours');
  });
});
