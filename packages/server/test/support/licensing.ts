import { fileURLToPath } from 'node:url';
import type { Catalog } from '@latchkey/core';
import { type LoadedCatalog, loadCatalog } from '../../src/catalog/load.ts';
import type { Database } from '../../src/db/database.ts';
import { createAudit } from '../../src/modules/audit/index.ts';
import { createCustomerService } from '../../src/modules/customers/index.ts';
import { createLedger, creditOn } from '../../src/modules/ledger/index.ts';
import {
  createKeyKeeper,
  createLicenseReader,
  createLicenseService,
  createLicenseSnapshots,
} from '../../src/modules/licenses/index.ts';
import { nodeCryptography } from '../../src/security/cryptography.ts';
import type { TestPorts } from './ports.ts';

export const TEST_MASTER_SECRET = 'a master secret for tests that is long enough';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** The five example products, as they are published. */
export function loadExampleCatalog(): Promise<LoadedCatalog> {
  return loadCatalog({
    location: 'examples/*/catalog.yaml',
    directory: ROOT,
    environment: { LICENSE_MASTER_SECRET: TEST_MASTER_SECRET },
    secretFor: () => 'ab'.repeat(32),
  });
}

/** The licence module over a database, with everything it needs and nothing else. */
export function createLicensing(
  database: Database,
  ports: TestPorts,
  loaded: LoadedCatalog,
  catalog: Catalog = loaded.catalog,
) {
  const { clock, ids, randomness, vault } = ports;
  const audit = createAudit({ ids, clock });
  const snapshots = createLicenseSnapshots();
  const keys = createKeyKeeper({ catalog, keySecrets: loaded.keySecrets, vault, cryptography: nodeCryptography });
  const customers = createCustomerService({ database, clock, ids, audit });
  const options = { database, catalog, keys, snapshots, clock, ids, randomness };
  const ledger = createLedger({ ...options, audit, log: ports.log });
  const licenses = createLicenseService({ ...options, record: audit.record });
  const reader = createLicenseReader({
    ...options,
    beginTerm: (id) =>
      database.transaction({ actor: { type: 'license_key', id } }, (transaction) =>
        licenses.beginTerm(transaction, id),
      ),
    creditOf: creditOn(ledger),
  });
  return { audit, ledger, customers, licenses, reader, snapshots, keys, catalog };
}
