import { fileURLToPath } from 'node:url';
import { readPolicy } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  instantOf,
  isYes,
  licenseOf,
  machineOf,
  START,
  type TableCase,
  table,
  tableKey,
  tableSecret,
} from '../../../../core/test/conformance.ts';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createTestHttp } from '../../../test/support/http.ts';
import { createLicensing } from '../../../test/support/licensing.ts';
import { createTestPorts, type TestPorts } from '../../../test/support/ports.ts';
import { loadCatalog } from '../../catalog/load.ts';
import type { Transaction } from '../../db/database.ts';
import type { Http } from '../../http/types.ts';
import { keyHolderRoutes } from './index.ts';

let test: TestDatabase;
let ports: TestPorts;
let licensing: ReturnType<typeof createLicensing>;
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
  http = await createTestHttp({ database: test.database, ports });
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

async function post(path: string, payload: object) {
  const answer = await http.inject({ method: 'POST', url: path, payload });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
}

/** Brings a licence into the state of the case: machines over HTTP, what only Stripe or time could do in the database. */
async function bringAbout(one: TableCase): Promise<string> {
  const license = licenseOf(one);
  ports.clock.setOffset(0);
  const { maxMachines: _table, ...policy } = readPolicy(license.policy ?? {});
  const { license: issued, key } = await write((transaction) =>
    licensing.licenses.issue(transaction, {
      product: 'conformance',
      plan: license.plan ?? 'base',
      keyCustomer: one.name,
      keySubscription: 'sub',
      customerId: null,
      subscriptionId: null,
      ...(license.term_begins_with === undefined
        ? { expiresAt: license.expires === null ? null : new Date(instantOf(license.expires)) }
        : {}),
      ...(license.max_machines === undefined ? {} : { maxMachines: license.max_machines }),
      overrides: {
        policy: license.term_begins_with == null ? policy : { ...policy, termBasis: license.term_begins_with },
        ...(license.features === undefined ? {} : { features: license.features }),
      },
    }),
  );
  for (const machine of license.machines ?? []) {
    const { valid } = await post('/v1/licenses/activate', {
      key,
      product: 'conformance',
      machine: machineOf(machine),
    });
    expect(valid, 'the machine of the case is activated').toBe(true);
  }
  const lowered = license.lowered_to;
  if (lowered !== undefined) {
    await write((transaction) => licensing.licenses.update(transaction, issued.id, { maxMachines: lowered }));
  }
  const { connection } = test.database;
  await connection
    .updateTable('licenses')
    .set({ coverage: license.coverage, starts_at: new Date(instantOf(license.starts ?? 'start')) })
    .where('id', '=', issued.id)
    .execute();
  for (const { at, ...hold } of license.holds ?? []) {
    const row = { license_id: issued.id, ...hold, reason: null, effective_at: new Date(instantOf(at)) };
    await connection.insertInto('license_holds').values(row).execute();
  }
  ports.clock.setOffset(instantOf(one.at) - START);
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
    const answer = await post('/v1/licenses/validate', question);
    expect(answer).toMatchObject({ code: one.expect, valid: isYes(one.expect) });
    expect(answer.because.at(-1).passed).toBe(answer.valid);
    // The first answer read the database; this one comes from memory.
    expect(await post('/v1/licenses/validate', question)).toMatchObject({ code: one.expect });
  });

  it.each(table.keys)('$name: $expect', async (one) => {
    expect(await post('/v1/licenses/validate', { key: tableKey(one) })).toMatchObject({
      code: one.expect,
      valid: false,
    });
  });
});
