import type { Catalog } from '@latchkey/core';
import { decidingHold } from '@latchkey/core';
import type { LicenseReader } from './modules/licenses/index.ts';
import { accessEnd } from './modules/licenses/index.ts';
import type { MailLicenseReader } from './modules/notifications/index.ts';
import type { Clock } from './ports.ts';

/** Licences as letters show them: the one place, beside their owner's own pages, where a key is read in clear. */
export function createMailLicenses(options: {
  licenseReader: LicenseReader;
  catalog: Catalog;
  clock: Clock;
}): MailLicenseReader {
  const { licenseReader, catalog, clock } = options;
  return {
    async read(connection, licenseId) {
      const [license, key] = [
        await licenseReader.find(licenseId, connection),
        await licenseReader.keyOf(licenseId, connection),
      ];
      if (license === null || key === null) return null;
      const now = clock.now().getTime();
      const end = accessEnd(license, catalog);
      return {
        id: license.id,
        key,
        product: license.product,
        plan: license.plan,
        expiresAt: license.expiresAt === null ? null : new Date(license.expiresAt),
        renews: license.coverage === 'renewing',
        maxMachines: license.maxMachines,
        usable: decidingHold(license.holds, now) === null && (end === null || now < end),
      };
    },
  };
}
