import { fileURLToPath } from 'node:url';
import { parseHours, readPolicy } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  instantOf,
  isYes,
  licenseOf,
  machineOf,
  START,
  type TableCase,
  type TableLicense,
  table,
  tableKey,
  tableSecret,
} from '../../../../core/test/conformance.ts';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { asAdmin, createTestHttp } from '../../../test/support/http.ts';
import { createLicensing } from '../../../test/support/licensing.ts';
import { createTestPorts, type TestPorts } from '../../../test/support/ports.ts';
import { loadCatalog } from '../../catalog/load.ts';
import type { Transaction } from '../../db/database.ts';
import type { Http } from '../../http/types.ts';
import { createWithdrawal, keyHolderRoutes, vendorLicenseRoutes, type Withdraw } from './index.ts';

let test: TestDatabase;
let ports: TestPorts;
let licensing: ReturnType<typeof createLicensing>;
let withdraw: Withdraw;
let http: Http;
let stopFollowing: () => Promise<void>;

beforeAll(async () => {
  test = await createTestDatabase();
  ports = createTestPorts({ startAt: new Date(START) });
  const environment = { TABLE_SECRET: `${tableSecret('new')},${tableSecret('old')}` };
  const directory = fileURLToPath(new URL('../../../test/support/', import.meta.url));
  const loaded = await loadCatalog({ location: 'conformance.yaml', directory, environment });
  licensing = createLicensing(test.database, ports, loaded);
  stopFollowing = await licensing.snapshots.follow(test.database);
  const { audit, snapshots } = licensing;
  withdraw = createWithdrawal({ clock: ports.clock, snapshots, record: audit.record });
  http = await createTestHttp({ database: test.database, ports });
  vendorLicenseRoutes(http, licensing);
  keyHolderRoutes(http, {
    licenses: licensing.licenses,
    reader: licensing.reader,
    resend: async () => {},
    signValidation: () => {
      throw new Error('No case asks for a signature.');
    },
  });
  await http.ready();
});

afterAll(async () => {
  await http?.close();
  await stopFollowing?.();
  await test?.close();
});

function write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
  return test.database.transaction({ actor: { type: 'system', id: 'table' } }, work);
}

function moveTo(instant: number): void {
  ports.clock.setOffset(instant - START);
}

async function call(method: 'POST' | 'PATCH', path: string, payload: object, headers: Record<string, string> = {}) {
  const answer = await http.inject({ method, url: `/v1/licenses${path}`, payload, headers });
  expect([200, 201], answer.body).toContain(answer.statusCode);
  return answer.json();
}

/** Issues the licence of the case as the vendor does, or, where it starts at another time than it is issued, as an import does. */
async function issue(license: TableLicense, startsAt: number): Promise<{ id: string; key: string }> {
  const { plan = 'base', features, max_machines: maxMachines, term_begins_with: waitsFor, policy } = license;
  const expiresAt = license.expires === null ? null : new Date(instantOf(license.expires));
  const written = { ...policy, ...(waitsFor == null ? {} : { term_basis: waitsFor }) };
  if (ports.clock.now().getTime() === startsAt) {
    const body = { product: 'conformance', plan, policy: written, features, max_machines: maxMachines };
    return call('POST', '', { ...body, ...(waitsFor == null ? { expires_at: expiresAt } : {}) }, asAdmin);
  }
  const { license: issued, key } = await write((transaction) =>
    licensing.licenses.issue(transaction, {
      product: 'conformance',
      plan,
      keyCustomer: 'none',
      keySubscription: 'none',
      customerId: null,
      subscriptionId: null,
      startsAt: new Date(startsAt),
      expiresAt,
      maxMachines,
      overrides: { policy: readPolicy(written), ...(features === undefined ? {} : { features }) },
    }),
  );
  return { id: issued.id, key };
}

type TableHold = NonNullable<TableLicense['holds']>[number];

/** Lays a hold on a licence by the way that leads to it: the vendor's call, or what follows money that was taken back. */
async function hold(id: string, { cause, effect, at }: TableHold): Promise<void> {
  moveTo(instantOf(at));
  if (cause === 'admin') {
    await call('POST', `/${id}/${effect}`, {}, asAdmin);
    return;
  }
  const wanted = { refund: null, dispute: null, [cause]: { effect, reason: 'The table says so.' } };
  await write((transaction) => withdraw(transaction, id, wanted));
}

/** What follows a subscription: its coverage, and the holds of payment and cancellation, which may lie ahead. */
async function cover(id: string, coverage: TableLicense['coverage'], holds: readonly TableHold[]): Promise<void> {
  const holdOf = (cause: TableHold['cause']) => {
    const found = holds.find((each) => each.cause === cause);
    return found === undefined
      ? null
      : { effect: found.effect, effectiveAt: instantOf(found.at), reason: 'The table says so.' };
  };
  const wanted = { coverage, expiresAt: null, payment: holdOf('payment'), cancel: holdOf('cancel'), fallBackTo: null };
  await write((transaction) => licensing.licenses.cover(transaction, id, wanted));
}

/** Brings a licence into the state of the case, by the ways that lead there in life. */
async function bringAbout(one: TableCase): Promise<string> {
  const license = licenseOf(one);
  const { holds = [], machines = [], lowered_to: lowered, credit = 0 } = license;
  moveTo(Math.min(START, ...holds.map(({ at }) => instantOf(at))));
  const { id, key } = await issue(license, instantOf(license.starts ?? 'start'));
  for (const machine of machines) {
    const question = { key, product: 'conformance', machine: machineOf(machine) };
    expect(await call('POST', '/activate', question), 'the machine of the case is activated').toMatchObject({
      valid: true,
    });
  }
  if (credit > 0) {
    const account = licensing.ledger.account({ owner: { licenseId: id }, product: 'conformance' }, 'hours');
    const amount = parseHours(String(credit)) ?? 0;
    const grant = { account, amount, key: 'table', source: 'granted' as const, expiresAt: null };
    await write((transaction) => licensing.ledger.grant(transaction, grant));
  }
  if (lowered !== undefined) await call('PATCH', `/${id}`, { max_machines: lowered }, asAdmin);
  const isOfMoney = ({ cause }: TableHold) => cause === 'payment' || cause === 'cancel';
  if (license.coverage !== 'term' || holds.some(isOfMoney)) await cover(id, license.coverage, holds);
  for (const each of holds) if (!isOfMoney(each)) await hold(id, each);
  moveTo(instantOf(one.at));
  return key;
}

describe('the conformance table, over HTTP', () => {
  it.each(table.cases)('$name: $expect', async (one) => {
    const key = await bringAbout(one);
    const { released_at, ...ask } = one.ask ?? {};
    const question = {
      key,
      ...ask,
      ...(released_at === undefined ? {} : { released_at: new Date(instantOf(released_at)).toISOString() }),
    };
    const answer = await call('POST', '/validate', question);
    expect(answer).toMatchObject({ code: one.expect, valid: isYes(one.expect) });
    const last = answer.because.at(-1);
    expect(last).toMatchObject(answer.valid ? { passed: true } : { passed: false, detail: answer.detail });
    expect(last.detail).toMatch(/^[A-Z\d].+\.$/);
    // The first answer read the database; this one comes from memory.
    expect(await call('POST', '/validate', question)).toMatchObject({ code: one.expect });
  });

  it.each(table.keys)('$name: $expect', async (one) => {
    expect(await call('POST', '/validate', { key: tableKey(one) })).toMatchObject({
      code: one.expect,
      valid: false,
    });
  });
});
