import { createLicenseExport, type LicenseExportOptions } from './export.ts';
import { createLicenseImport, type LicenseImportOptions } from './import.ts';
import { createBulkIssue } from './import-bulk.ts';

export type LicenseExchange = ReturnType<typeof createLicenseExchange>;

/** Licences that come in from elsewhere, many new ones at once, and all of them as a file. */
export function createLicenseExchange(options: LicenseImportOptions & LicenseExportOptions) {
  return {
    licenseImport: createLicenseImport(options),
    bulkIssue: createBulkIssue(options),
    licenseExport: createLicenseExport(options),
    record: options.record,
  };
}
