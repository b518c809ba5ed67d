import type { Decision, Reason, ValidationCode } from './codes.ts';
import type { UnknownKey } from './keys/scheme.ts';
import { accessEndsAt, decidingHold, graceEndsAt, type LicenseState, type TermPolicy } from './state.ts';

/** A licence as validation sees it. */
export interface LicenseSnapshot extends LicenseState {
  product: string;
  plan: string;
  /** -1: unlimited. */
  maxMachines: number;
  /** Fingerprints of the machines that hold a seat. */
  machines: ReadonlySet<string>;
  requireMachine: boolean;
  entitlements: ReadonlySet<string>;
  policy: TermPolicy;
}

/** What the caller asks to be true besides the licence being in force. */
export interface ValidationScope {
  product?: string | undefined;
  machine?: string | undefined;
  entitlements?: readonly string[] | undefined;
}

/** The verdict of one rule: go on, or stop here with a code. */
type Verdict = { reason: Reason; code?: ValidationCode };

const UNKNOWN_KEY_DETAIL: Record<UnknownKey, string> = {
  MALFORMED: 'This is not a licence key of any product sold here. Check that it was copied whole.',
  FORGED: 'The key has the right form but was not made by this vendor.',
  NOT_FOUND: 'The key is genuine in form, but no licence is stored under it.',
};

/** The decision about a key that no licence is stored under. */
export function refuseUnknownKey(code: UnknownKey): Decision {
  const detail = UNKNOWN_KEY_DETAIL[code];
  return { valid: false, code, detail, because: [{ rule: 'key', passed: false, detail }] };
}

/** Decides whether the licence is in force at `now` for what `scope` asks. The precedence is that of VALIDATION_CODES. */
export function validateLicense(license: LicenseSnapshot, scope: ValidationScope, now: number): Decision {
  return decide([...LICENSE_RULES, machineRule, entitlementsRule], license, scope, now);
}

/** Decides whether the licence may take on a machine, seats aside: everything about the licence itself and its product. */
export function validateBeforeActivation(
  license: LicenseSnapshot,
  scope: Pick<ValidationScope, 'product'>,
  now: number,
): Decision {
  return decide(LICENSE_RULES, license, scope, now);
}

type Rule = (license: LicenseSnapshot, scope: ValidationScope, now: number) => Verdict | null;

const LICENSE_RULES: readonly Rule[] = [holdsRule, termRule, productRule];

function decide(rules: readonly Rule[], license: LicenseSnapshot, scope: ValidationScope, now: number): Decision {
  const because: Reason[] = [];
  for (const rule of rules) {
    const verdict = rule(license, scope, now);
    if (verdict === null) continue;
    because.push(verdict.reason);
    if (verdict.code !== undefined) {
      return { valid: false, code: verdict.code, detail: verdict.reason.detail, because };
    }
  }
  const code = acceptance(license, now);
  return { valid: true, code, detail: acceptanceDetail(license, code, now), because };
}

function holdsRule(license: LicenseSnapshot, _scope: ValidationScope, now: number): Verdict {
  const hold = decidingHold(license.holds, now);
  if (hold === null) return passed('holds', 'Nothing withholds access.');
  const since = instant(hold.effectiveAt);
  const why = hold.reason ?? HOLD_DETAIL[hold.cause];
  return hold.effect === 'revoke'
    ? refused('holds', 'REVOKED', `Revoked since ${since}: ${why}`)
    : refused('holds', 'SUSPENDED', `Suspended since ${since}: ${why}`);
}

const HOLD_DETAIL = {
  payment: 'the subscription is not paid.',
  cancel: 'the subscription was canceled.',
  refund: 'the payment was refunded.',
  dispute: 'the payment is disputed.',
  admin: 'the vendor decided so.',
} as const;

function termRule(license: LicenseSnapshot, _scope: ValidationScope, now: number): Verdict {
  const end = accessEndsAt(license, license.policy);
  if (end !== null && now >= end) {
    return refused('term', 'EXPIRED', `Expired on ${instant(license.expiresAt ?? end)}.`);
  }
  if (now < license.startsAt) return refused('term', 'NOT_STARTED', `Starts on ${instant(license.startsAt)}.`);
  if (license.expiresAt === null) return passed('term', 'Does not expire.');
  if (now < license.expiresAt) return passed('term', `In force until ${instant(license.expiresAt)}.`);
  return passed('term', `The paid time ended on ${instant(license.expiresAt)}; access goes on ${until(end)}.`);
}

function productRule(license: LicenseSnapshot, scope: ValidationScope): Verdict | null {
  if (scope.product === undefined) return null;
  if (scope.product === license.product) return passed('product', `The licence is for ${license.product}.`);
  return refused('product', 'PRODUCT_MISMATCH', `The licence is for ${license.product}, not for ${scope.product}.`);
}

function machineRule(license: LicenseSnapshot, scope: ValidationScope): Verdict | null {
  const used = license.machines.size;
  const seats = license.maxMachines === -1 ? `${used} of unlimited` : `${used} of ${license.maxMachines}`;
  if (scope.machine === undefined) {
    if (license.requireMachine) {
      return refused('machine', 'MACHINE_REQUIRED', 'This plan is validated together with a machine; none was named.');
    }
  } else if (!license.machines.has(scope.machine)) {
    return hasFreeSeat(license)
      ? refused('machine', 'MACHINE_NOT_ACTIVATED', `This machine is not activated; ${seats} machines are in use.`)
      : refused('machine', 'MACHINE_MISMATCH', `The licence is bound to other machines; ${seats} machines are in use.`);
  }
  if (license.maxMachines !== -1 && used > license.maxMachines) {
    return refused('machine', 'TOO_MANY_MACHINES', `${seats} machines are in use. Release one.`);
  }
  return passed('machine', `${seats} machines are in use.`);
}

function entitlementsRule(license: LicenseSnapshot, scope: ValidationScope): Verdict | null {
  if (scope.entitlements === undefined || scope.entitlements.length === 0) return null;
  const missing = scope.entitlements.filter((entitlement) => !license.entitlements.has(entitlement));
  if (missing.length === 0) return passed('entitlements', 'Everything asked for is included.');
  return refused(
    'entitlements',
    'ENTITLEMENT_MISSING',
    `The plan ${license.plan} does not include ${missing.join(', ')}.`,
  );
}

/** Whether one more machine may be activated. */
export function hasFreeSeat(license: Pick<LicenseSnapshot, 'maxMachines' | 'machines'>): boolean {
  return license.maxMachines === -1 || license.machines.size < license.maxMachines;
}

function acceptance(license: LicenseSnapshot, now: number): 'VALID' | 'GRACE' | 'EXPIRING' {
  if (license.coverage === 'past_due') return 'GRACE';
  const end = accessEndsAt(license, license.policy);
  const ending = license.coverage === 'term' || license.coverage === 'ended';
  return ending && end !== null && end - now <= license.policy.expiringWithinMs ? 'EXPIRING' : 'VALID';
}

function acceptanceDetail(license: LicenseSnapshot, code: 'VALID' | 'GRACE' | 'EXPIRING', now: number): string {
  const end = accessEndsAt(license, license.policy);
  switch (code) {
    case 'GRACE':
      return `The last payment failed. Access goes on ${until(graceEndsAt(license) ?? end)}; pay before then.`;
    case 'EXPIRING':
      return `Valid ${until(end)}; it will not renew by itself.`;
    case 'VALID':
      if (license.expiresAt === null) return 'Valid.';
      return now < license.expiresAt
        ? `Valid until ${instant(license.expiresAt)}.`
        : `Valid: the renewal that was due on ${instant(license.expiresAt)} is awaited ${until(end)}.`;
  }
}

function until(end: number | null): string {
  return end === null ? 'until further notice' : `until ${instant(end)}`;
}

function passed(rule: Reason['rule'], detail: string): Verdict {
  return { reason: { rule, passed: true, detail } };
}

function refused(rule: Reason['rule'], code: ValidationCode, detail: string): Verdict {
  return { reason: { rule, passed: false, detail }, code };
}

function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
