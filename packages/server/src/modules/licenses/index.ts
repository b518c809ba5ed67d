/** Licences: issued, validated, activated, renewed, withheld. */

export { type LicenseCount, licenseCensus } from './census-repository.ts';
export { createLicenseFiles, type LicenseFiles } from './files.ts';
export { createLicenseExchange, type LicenseExchange } from './import-export.ts';
export type { IssuedLicense, IssueLicense } from './issuing.ts';
export { createKeyKeeper, type KeyKeeper } from './keys.ts';
export type { ActivationAnswer, MachineInput } from './machines.ts';
export { createOwnerLinks, type OwnerLinks } from './owner-links.ts';
export { accessEnd } from './policy.ts';
export { createReactivationDesk, type ReactivationDesk } from './reactivation-desk.ts';
export { createLicenseReader, type LicenseReader, type LicenseStatistics, type ValidationAnswer } from './reading.ts';
export type { Activation, LicenseRecord } from './record.ts';
export type { LicenseFilter } from './repository.ts';
export { createResend } from './resend.ts';
export { createRevocations, type Revocations } from './revocations.ts';
export { assertNoGuess, countGuess } from './routes/guessing.ts';
export {
  exportRoutes,
  importRoutes,
  keyHolderRoutes,
  machineRoutes,
  offlineRoutes,
  vendorLicenseRoutes,
} from './routes/index.ts';
export { createLicenseService, type LicenseService } from './service.ts';
export { createSignedAnswers, type SignValidation } from './signed-answers.ts';
export { createLicenseSnapshots, type LicenseSnapshots } from './snapshots.ts';
export { createWithdrawal, type Withdraw, type WithdrawalHolds } from './withdrawal.ts';
