import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyEmbeddedDatabase } from '../../../../../test/support/migrated-database.ts';
import { LicenseManager } from '../../index.ts';

const catalog = fileURLToPath(new URL('../../../../../examples/crypto-orchestrator/catalog.yaml', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'latchkey-rotation-'));
const OLD = '0a'.repeat(32);
const NEW = '1b'.repeat(32);

beforeAll(() => copyEmbeddedDatabase(folder));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One run of a server over the same data, with these secrets of keys and of the house. */
async function running<T>(
  LICENSE_SECRET_KEY: string,
  secret: string[],
  work: (licenses: LicenseManager) => Promise<T>,
) {
  const options = { catalog, dataDir: folder, sandboxPort: 0, secret, variables: { LICENSE_SECRET_KEY } };
  const licenses = new LicenseManager(options, { product: 'crypto-orchestrator', plan: 'pro' });
  try {
    return await work(licenses);
  } finally {
    await licenses.close();
  }
}
const generate = (licenses: LicenseManager, subscriptionId: string) =>
  licenses.generateLicense({ customerId: 'user-1', subscriptionId, email: 'user@example.com' });
const root = ['the first root secret of this house'];
const rotated = ['the second root secret of this house', ...root];

describe('secrets', () => {
  it('are replaced without a key that was issued becoming invalid [C10]', async () => {
    const first = await running(OLD, root, (licenses) => generate(licenses, 'sub_1'));
    const valid = async (licenses: LicenseManager, licenseKey: string) =>
      (await licenses.validateLicense({ licenseKey })).code;
    const second = await running(`${NEW},${OLD}`, rotated, async (licenses) => {
      expect(await valid(licenses, first)).toBe('VALID');
      expect(await licenses.activateLicense({ licenseKey: first, serverId: 'machine' })).toMatchObject({
        success: true,
      });
      return generate(licenses, 'sub_2');
    });
    await running(NEW, rotated, async (licenses) => {
      // The stored record decides, even once the secret that made the key has gone.
      expect([await valid(licenses, first), await valid(licenses, second)]).toEqual(['VALID', 'VALID']);
      expect((await licenses.getLicenseInfo({ licenseKey: first }))?.licenseKey).toBe(first);
    });
  });
});
