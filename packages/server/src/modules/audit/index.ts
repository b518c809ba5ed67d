/** The audit log: every operation, with who did it. */

export type { AuditEntry, AuditFilter, AuditPosition } from './repository.ts';
export { registerAuditRoutes } from './routes/list.ts';
export { type Audit, type AuditRecord, createAudit } from './service.ts';
