/** A licence's facts, and the status that follows from them. Instants are milliseconds since the epoch, in domain time. */

/** Why access is withheld. Each cause holds alone: lifting one never lifts another. */
export type HoldCause = 'payment' | 'cancel' | 'refund' | 'dispute' | 'admin';
export type HoldEffect = 'suspend' | 'revoke';

/** A hold bites from `effectiveAt` on; one that lies ahead is the decided end of a grace period. */
export interface Hold {
  cause: HoldCause;
  effect: HoldEffect;
  effectiveAt: number;
  reason: string | null;
}

/**
 * What keeps the licence going besides its own term.
 * - `term`: nothing; it ends when its term ends.
 * - `renewing`: a subscription in good standing (active or trialing at Stripe). The hour between a period's end and the charge
 *   for the next does not interrupt access, for as long as the grace time at most.
 * - `past_due`: the last charge failed; access goes on in grace until the payment hold bites.
 * - `ended`: the subscription is over.
 */
export type Coverage = 'term' | 'renewing' | 'past_due' | 'ended';

export interface LicenseState {
  startsAt: number;
  /** null: never expires. */
  expiresAt: number | null;
  /** The first use from which the term will be counted; null once it runs. Until then there is no end. */
  termBeginsWith: 'first_validation' | 'first_activation' | null;
  coverage: Coverage;
  holds: readonly Hold[];
}

/** The parts of the plan's policy that a status depends on. */
export interface TermPolicy {
  /** How long a silent Stripe keeps a renewing licence alive past its paid time. */
  graceMs: number;
  /** How long before its end a licence that will not renew is called EXPIRING. */
  expiringWithinMs: number;
  /** The catalog's `when_grace_ends: keep`: a failed payment alone never ends access; only the end of the subscription does. */
  keepWhenUnpaid?: boolean | undefined;
  /** How long a licence without a subscription is still valid, in grace, after its term. */
  termGraceMs: number;
  /**
   * What the end of access means. `restrict`: not valid. `revoke`: taken back, and not to be renewed. `maintain`: valid still, for
   * versions that were released while the term ran. `allow`: valid still.
   */
  expiryStrategy: 'restrict' | 'revoke' | 'maintain' | 'allow';
}

export type LicenseStatus = 'active' | 'grace' | 'expired' | 'suspended' | 'revoked' | 'not_started';

/** Every status, for lists and statistics. */
export const LICENSE_STATUSES: readonly LicenseStatus[] = [
  'active',
  'grace',
  'expired',
  'suspended',
  'revoked',
  'not_started',
];

/** The hold that decides at `now`: a revocation before a suspension, then the one that bit first. */
export function decidingHold(holds: readonly Hold[], now: number): Hold | null {
  let deciding: Hold | null = null;
  for (const hold of holds) {
    if (hold.effectiveAt > now) continue;
    if (deciding === null || outranks(hold, deciding)) deciding = hold;
  }
  return deciding;
}

function outranks(hold: Hold, other: Hold): boolean {
  if (hold.effect !== other.effect) return hold.effect === 'revoke';
  return hold.effectiveAt < other.effectiveAt;
}

/** Until when access lasts if nothing new happens, holds aside; null: without end. */
export function accessEndsAt(state: LicenseState, policy: TermPolicy): number | null {
  return outlivesItsTerm(policy) ? null : termEndsAt(state, policy);
}

/** Whether the end of the term leaves access, of one kind or another. */
export function outlivesItsTerm({ expiryStrategy }: TermPolicy): boolean {
  return expiryStrategy === 'maintain' || expiryStrategy === 'allow';
}

/** When the term ends, with what keeps it going and its grace, whatever that end means; null: never. */
export function termEndsAt(state: LicenseState, policy: TermPolicy): number | null {
  if (state.expiresAt === null) return null;
  switch (state.coverage) {
    case 'renewing':
      return state.expiresAt + policy.graceMs;
    case 'past_due': {
      if (policy.keepWhenUnpaid === true) return null;
      const grace = graceEndsAt(state);
      return grace === null ? state.expiresAt + policy.graceMs : Math.max(grace, state.expiresAt);
    }
    case 'term':
      return state.expiresAt + policy.termGraceMs;
    case 'ended':
      return state.expiresAt;
  }
}

/** Whether the end of the term took the licence back. */
export function isRevokedByItsEnd(state: LicenseState, policy: TermPolicy, now: number): boolean {
  if (policy.expiryStrategy !== 'revoke') return false;
  const end = termEndsAt(state, policy);
  return end !== null && now >= end;
}

/** Whether the licence works in grace at `now`: its payment failed, or its own term is over. */
export function isInGrace(state: LicenseState, policy: TermPolicy, now: number): boolean {
  const end = termEndsAt(state, policy);
  if (end !== null && now >= end) return false;
  if (state.coverage === 'past_due') return true;
  return state.coverage === 'term' && state.expiresAt !== null && now >= state.expiresAt;
}

/** When the grace after a failed payment ends: the moment its hold bites. */
export function graceEndsAt(state: LicenseState): number | null {
  let end: number | null = null;
  for (const hold of state.holds) {
    if (hold.cause === 'payment' && (end === null || hold.effectiveAt < end)) end = hold.effectiveAt;
  }
  return end;
}

/** The one status of a licence at `now`. */
export function licenseStatus(state: LicenseState, policy: TermPolicy, now: number): LicenseStatus {
  const hold = decidingHold(state.holds, now);
  if (hold?.effect === 'revoke' || isRevokedByItsEnd(state, policy, now)) return 'revoked';
  if (hold !== null) return 'suspended';
  const end = accessEndsAt(state, policy);
  if (end !== null && now >= end) return 'expired';
  if (now < state.startsAt) return 'not_started';
  return isInGrace(state, policy, now) ? 'grace' : 'active';
}
