import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLicensing, loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import { createLicenseExchange } from './import-export.ts';

let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase();
});

afterAll(() => test?.close());

it('the same rows sent by several at the same moment, in any order, are imported once each', async () => {
  const catalog = await loadExampleCatalog();
  const rows = Array.from({ length: 60 }, (_, index) => ({
    line: index + 1,
    product: 'crypto-orchestrator',
    plan: 'basic',
    key: `RACE-${index}`,
    email: `racer-${index % 20}@example.com`,
    customer_external_id: `racer-${index % 20}`,
    ...(index % 2 === 0 ? { reference: `race-${index}` } : {}),
    machines: [{ fingerprint: 'm' }],
  }));
  const batches = [rows, rows.toReversed(), rows.slice(30).concat(rows.slice(0, 30)), rows];
  const outcomes = await Promise.all(
    batches.map((batch, index) => {
      const ports = createTestPorts({ seed: `race-${index}` });
      const licensing = createLicensing(test.database, ports, catalog);
      const { licenseImport } = createLicenseExchange({
        ...licensing,
        ...ports,
        database: test.database,
        record: licensing.audit.record,
      });
      return test.database.transaction({ actor: { type: 'system', id: 'test' } }, (transaction) =>
        licenseImport.importRows(transaction, batch, { acceptForeignKeys: false }),
      );
    }),
  );
  const all = outcomes.flat();
  expect(all.filter(({ outcome }) => outcome === 'refused')).toEqual([]);
  expect(all.filter(({ outcome }) => outcome === 'imported')).toHaveLength(60);
  const licenses = await test.database.connection.selectFrom('licenses').select('id').execute();
  const customers = await test.database.connection.selectFrom('customers').select('id').execute();
  expect([licenses.length, customers.length]).toEqual([60, 20]);
});
