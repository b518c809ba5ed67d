import type { LicensePolicy } from '../catalog/index.ts';
import type { Decision, Reason, ValidationCode } from './codes.ts';
import type { UnknownKey } from './keys/scheme.ts';
import { type LiveMachines, type MachineMatch, matchMachine, type PresentedMachine } from './machine-matching.ts';
import {
  accessEndsAt,
  decidingHold,
  graceEndsAt,
  isInGrace,
  isRevokedByItsEnd,
  type LicenseState,
  type TermPolicy,
  termEndsAt,
} from './state.ts';

/** A licence as validation sees it. */
export interface LicenseSnapshot extends LicenseState {
  product: string;
  plan: string;
  /** -1: unlimited. */
  maxMachines: number;
  /** The machines that hold a seat. */
  machines: LiveMachines;
  machineMatching: LicensePolicy['machineMatching'];
  requireProduct: boolean;
  requireMachine: boolean;
  /** The meter of which something must be left; null or left out where the licence needs no credit. */
  requireCredit?: string | null;
  /** Features, the plan's and the licence's own. */
  entitlements: ReadonlySet<string>;
  /** Numbers that the software asks for; -1 is unlimited. */
  limits: Readonly<Record<string, number>>;
  policy: TermPolicy;
}

/** What the caller asks to be true besides the licence being in force. */
export interface ValidationScope {
  product?: string | undefined;
  /** Its components as digests. */
  machine?: PresentedMachine | undefined;
  entitlements?: readonly string[] | undefined;
  /** When the version that asks was released: what `maintain` decides by. */
  releasedAt?: number | undefined;
  /** What is available of the meter that the licence must have credit of; left out where nobody can know, as without the server. */
  credit?: number | undefined;
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
  return decide([...LICENSE_RULES, machineRule, entitlementsRule, creditRule], license, scope, now);
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
  if (hold?.effect !== 'revoke' && isRevokedByItsEnd(license, license.policy, now)) {
    return refused('holds', 'REVOKED', `Taken back when its term ended on ${instant(license.expiresAt ?? now)}.`);
  }
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

function termRule(license: LicenseSnapshot, scope: ValidationScope, now: number): Verdict {
  const end = termEndsAt(license, license.policy);
  const ended = end !== null && now >= end ? endedRule(license, license.expiresAt ?? end, scope) : null;
  if (ended?.code !== undefined) return ended;
  if (now < license.startsAt) return refused('term', 'NOT_STARTED', `Starts on ${instant(license.startsAt)}.`);
  if (ended !== null) return ended;
  if (license.termBeginsWith !== null)
    return passed('term', `The term begins with the ${FIRST[license.termBeginsWith]}.`);
  if (license.expiresAt === null) return passed('term', 'Does not expire.');
  if (now < license.expiresAt) return passed('term', `In force until ${instant(license.expiresAt)}.`);
  return license.coverage === 'term'
    ? passed('term', `The term ended on ${instant(license.expiresAt)}; grace lasts ${until(end)}.`)
    : passed('term', `The paid time ended on ${instant(license.expiresAt)}; access goes on ${until(end)}.`);
}

const FIRST = { first_validation: 'first validation', first_activation: 'first activation' } as const;

/** What the end of the term means. */
function endedRule({ policy }: LicenseSnapshot, expiredAt: number, { releasedAt }: ValidationScope): Verdict {
  const ended = `on ${instant(expiredAt)}`;
  switch (policy.expiryStrategy) {
    case 'restrict':
    // Never met: `holdsRule` has refused it.
    case 'revoke':
      return refused('term', 'EXPIRED', `Expired ${ended}.`);
    case 'allow':
      return passed('term', `The term ended ${ended}; the plan lets access go on.`);
    case 'maintain':
      return releasedAt !== undefined && releasedAt >= expiredAt
        ? refused(
            'term',
            'EXPIRED',
            `The term ended ${ended}, before this version was released. Earlier versions still work.`,
          )
        : passed('term', `The term ended ${ended}; versions released before still work.`);
  }
}

function productRule(license: LicenseSnapshot, scope: ValidationScope): Verdict | null {
  if (scope.product === license.product) return passed('product', `The licence is for ${license.product}.`);
  if (scope.product !== undefined) {
    return refused('product', 'PRODUCT_MISMATCH', `The licence is for ${license.product}, not for ${scope.product}.`);
  }
  if (!license.requireProduct) return null;
  return refused('product', 'PRODUCT_MISMATCH', 'This plan is validated together with its product; none was named.');
}

function machineRule(license: LicenseSnapshot, scope: ValidationScope): Verdict {
  const used = license.machines.size;
  const seats = license.maxMachines === -1 ? `${used} of unlimited` : `${used} of ${license.maxMachines}`;
  if (scope.machine === undefined) {
    if (license.requireMachine) {
      return refused('machine', 'MACHINE_REQUIRED', 'This plan is validated together with a machine; none was named.');
    }
  } else {
    const refusal = strangerRule(
      license,
      matchMachine(license.machines, scope.machine, license.machineMatching),
      seats,
    );
    if (refusal !== null) return refusal;
  }
  if (license.maxMachines !== -1 && used > license.maxMachines) {
    return refused('machine', 'TOO_MANY_MACHINES', `${seats} machines are in use. Release one.`);
  }
  return passed('machine', `${seats} machines are in use.`);
}

/** What a machine is told that holds no seat; null for one that does. */
function strangerRule(license: LicenseSnapshot, match: MachineMatch, seats: string): Verdict | null {
  switch (match.kind) {
    case 'known':
      return null;
    case 'copy':
      return refused('machine', 'MACHINE_MISMATCH', COPY_DETAIL);
    case 'unknown':
      return hasFreeSeat(license)
        ? refused('machine', 'MACHINE_NOT_ACTIVATED', `This machine is not activated; ${seats} machines are in use.`)
        : refused(
            'machine',
            'MACHINE_MISMATCH',
            `The licence is bound to other machines; ${seats} machines are in use.`,
          );
  }
}

/** What a machine is told that has the fingerprint of another: a disk or an image was copied with the id on it. */
export const COPY_DETAIL =
  'A machine with this fingerprint is active, and its components are others. A copy needs a fingerprint of its own.';

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

function creditRule({ requireCredit = null }: LicenseSnapshot, { credit }: ValidationScope): Verdict | null {
  if (requireCredit === null || credit === undefined) return null;
  return credit > 0
    ? passed('credit', `There is credit left of ${requireCredit}.`)
    : refused('credit', 'NO_CREDIT', `Nothing is left of ${requireCredit}. Add to it to go on.`);
}

/** Whether one more machine may be activated. */
export function hasFreeSeat(license: Pick<LicenseSnapshot, 'maxMachines' | 'machines'>): boolean {
  return license.maxMachines === -1 || license.machines.size < license.maxMachines;
}

function acceptance(license: LicenseSnapshot, now: number): 'VALID' | 'GRACE' | 'EXPIRING' {
  if (isInGrace(license, license.policy, now)) return 'GRACE';
  const end = accessEndsAt(license, license.policy);
  const ending = license.coverage === 'term' || license.coverage === 'ended';
  return ending && end !== null && end - now <= license.policy.expiringWithinMs ? 'EXPIRING' : 'VALID';
}

/** Whether the term is over for good, and only the plan's leniency lets access go on. */
function hasEnded(license: LicenseSnapshot, now: number): boolean {
  const end = termEndsAt(license, license.policy);
  return end !== null && now >= end;
}

function acceptanceDetail(license: LicenseSnapshot, code: 'VALID' | 'GRACE' | 'EXPIRING', now: number): string {
  const end = termEndsAt(license, license.policy);
  switch (code) {
    case 'GRACE':
      if (license.coverage === 'term') return `The term is over. Access goes on ${until(end)}; renew before then.`;
      return `The last payment failed. Access goes on ${until(graceEndsAt(license) ?? end)}; pay before then.`;
    case 'EXPIRING':
      return `Valid ${until(end)}; it will not renew by itself.`;
    case 'VALID':
      if (license.expiresAt === null) return 'Valid.';
      if (hasEnded(license, now)) return `Valid past the end of the term on ${instant(license.expiresAt)}.`;
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
