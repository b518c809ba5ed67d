/** Latchkey for the program that is sold, in browsers and on servers alike. Files and machines: `@latchkey/sdk/node`. */

export { type CheckoutRequest, createClient, type LatchkeyClient } from './client/client.ts';
export { type ApiProblem, isOutage, LatchkeyApiError, LatchkeyUnreachableError } from './client/errors.ts';
export type { EntitlementsQuestion, Validation } from './client/license-calls.ts';
export type { Answered, CallOptions, ClientOptions, RetryNotice } from './client/transport.ts';
export type { Finalization, SessionStart } from './client/usage-calls.ts';
export type * from './client/wire.ts';
export { newId, newNonce } from './identifiers.ts';
export { createLicense, type License, type LicenseOptions } from './license/license.ts';
export { readRevocationList, type SigningKey, verifyAnswer, verifyLicenseFile } from './license/offline.ts';
export type { DemoDefaults, LicenseStanding } from './license/standing.ts';
export { createMemoryStore, type LicenseStore } from './license/store.ts';
export type { Admission, Gate, Outcome } from './middleware/admission.ts';
export type { CostTable } from './middleware/costs.ts';
export { createLicenseGate, type LicenseGate, type LicenseGateOptions } from './middleware/license-gate.ts';
export { createMetering, type Metering, type MeteringOptions } from './middleware/metering.ts';
export type { Present, Refusal, RefusalAnswer } from './middleware/refusal.ts';
export { byBearer, byLicenseKey, type GatedRequest, type Identify, licenseKeyOf } from './middleware/request.ts';
export { type SessionGateOptions, sessionGate } from './middleware/session-gate.ts';
export type { Charge } from './middleware/settling.ts';
export { createSessionKeeper, type SessionKeeper, type SessionKeeperOptions } from './sessions/keeper.ts';
export { createUsageRecorder, type NewUsageEvent, type RecorderOptions, type UsageRecorder } from './usage/recorder.ts';
export {
  createMemorySpool,
  type RefusedEvent,
  type Spool,
  type SpooledEvent,
  type SpooledEvents,
  SpoolFullError,
} from './usage/spool.ts';
