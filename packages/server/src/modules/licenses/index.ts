/** Licences: issued, validated, activated, renewed, withheld. */

export type { IssuedLicense, IssueLicense } from './issuing.ts';
export { createKeyKeeper, type KeyKeeper } from './keys.ts';
export { createLicenseReader, type LicenseReader, type LicenseStatistics, type ValidationAnswer } from './reading.ts';
export { type Activation, accessEnd, type LicenseRecord } from './record.ts';
export type { LicenseFilter } from './repository.ts';
export { createResend } from './resend.ts';
export { keyHolderRoutes, vendorLicenseRoutes } from './routes/index.ts';
export { type ActivationAnswer, createLicenseService, type LicenseService, type MachineInput } from './service.ts';
export { createLicenseSnapshots, type LicenseSnapshots } from './snapshots.ts';
