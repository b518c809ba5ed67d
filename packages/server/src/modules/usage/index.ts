/** Use: events, limits and reservations, counted once and in their period. */

export { createUseFollower } from './follow-use.ts';
export type { HeldMeter, UsageHolder } from './holders.ts';
export { createUsageRetention, type UsageRetention } from './retention.ts';
export { proveUse } from './rollup-proof.ts';
export { usageRoutes } from './routes/index.ts';
export { createUsage, type MeterStanding, type Usage, type UsageOptions } from './service.ts';
export { createSessionUse } from './session-use.ts';
export { standingView } from './views.ts';
export type { RecordedEvent } from './write-batch.ts';
