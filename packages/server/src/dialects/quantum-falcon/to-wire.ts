import { addDays, type Decision, minuteMs, type ValidationCode } from '@latchkey/core';
import type { z } from 'zod';
import type { generateAnswer, refusedAnswer, verifiedAnswer } from './schemas.ts';

/** A licence, as far as this dialect tells of it. Instants are milliseconds. */
export interface ToldLicense {
  plan: string;
  startsAt: number;
  expiresAt: number | null;
  userId: string;
  features: readonly string[];
}

/** A licence for life is told to end a hundred years of 365 days after it began: callers know numbers alone. */
const LIFETIME_DAYS = 100 * 365;

function toldEnd({ startsAt, expiresAt }: ToldLicense): number {
  return expiresAt ?? addDays(new Date(startsAt), LIFETIME_DAYS).getTime();
}

export function generatedView(
  license: ToldLicense,
  { key, email, paymentIntentId }: { key: string; email: string | null; paymentIntentId: string | null },
): z.infer<typeof generateAnswer> {
  return {
    success: true,
    license: key,
    tier: license.plan,
    userId: license.userId,
    userEmail: email,
    expiresAt: toldEnd(license),
    generatedAt: license.startsAt,
    paymentIntentId,
    features: [...license.features],
  };
}

export function verifiedView(license: ToldLicense, { code }: Pick<Decision, 'code'>): z.infer<typeof verifiedAnswer> {
  return {
    valid: true,
    tier: license.plan,
    expiresAt: toldEnd(license),
    userId: license.userId,
    features: [...license.features],
    code,
  };
}

/** The words that callers know; the decision's own for what they never heard of. */
const REFUSALS: Partial<Record<ValidationCode, string>> = {
  MALFORMED: 'Invalid format',
  FORGED: 'Invalid license',
  NOT_FOUND: 'License not found',
  PRODUCT_MISMATCH: 'License not found',
  REVOKED: 'License revoked',
  SUSPENDED: 'License suspended',
  EXPIRED: 'License expired',
  NOT_STARTED: 'License not active yet',
};

export function refusedView({ code, detail }: Pick<Decision, 'code' | 'detail'>): z.infer<typeof refusedAnswer> {
  return { valid: false, error: REFUSALS[code] ?? detail, code };
}

const TOLERATED_SKEW_MS = 5 * minuteMs;

/** What is said of the caller's clock, where it was told. */
export function clockView(
  callersMs: number | null | undefined,
  now: Date,
): { serverTime?: number; clockSkewMs?: number } {
  if (callersMs == null) return {};
  const serverTime = now.getTime();
  const clockSkewMs = Math.round(callersMs - serverTime);
  return Math.abs(clockSkewMs) > TOLERATED_SKEW_MS ? { serverTime, clockSkewMs } : { serverTime };
}
