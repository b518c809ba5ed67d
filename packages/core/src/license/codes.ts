/** Why a licence was accepted or refused. The order is the precedence: the first that applies is the answer. */
export const VALIDATION_CODES = [
  'MALFORMED',
  'FORGED',
  'NOT_FOUND',
  'REVOKED',
  'SUSPENDED',
  'EXPIRED',
  'NOT_STARTED',
  'PRODUCT_MISMATCH',
  'MACHINE_REQUIRED',
  'MACHINE_NOT_ACTIVATED',
  'MACHINE_MISMATCH',
  'TOO_MANY_MACHINES',
  'LEASE_EXPIRED',
  'ENTITLEMENT_MISSING',
  'NO_CREDIT',
  'LIMIT_REACHED',
  'GRACE',
  'EXPIRING',
  'VALID',
] as const;

export type ValidationCode = (typeof VALIDATION_CODES)[number];

/** The rules a decision may name as its reasons. */
export type RuleName = 'key' | 'holds' | 'term' | 'product' | 'machine' | 'entitlements' | 'credit';

/** One rule that was looked at, and what it found. */
export interface Reason {
  rule: RuleName;
  passed: boolean;
  detail: string;
}

/** The answer to "may this run?": a value, never an exception. `because` lists the rules in the order they were looked at. */
export interface Decision {
  valid: boolean;
  code: ValidationCode;
  detail: string;
  because: Reason[];
}
