/** The audit log: every operation, with who did it. */

export type { AuditEntry, AuditFilter, AuditPosition } from './repository.ts';
export { type Audit, type AuditRecord, createAudit } from './service.ts';
