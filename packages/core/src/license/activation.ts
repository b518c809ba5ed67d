import type { Decision } from './codes.ts';
import { hasFreeSeat, type LicenseSnapshot, type ValidationScope, validateBeforeActivation } from './validate.ts';

/** What activation decided: refuse, answer the seat the machine already has, or take a free one. */
export type ActivationPlan =
  | { outcome: 'refuse'; decision: Decision }
  | { outcome: 'already-active'; decision: Decision }
  | { outcome: 'activate'; decision: Decision };

/**
 * Decides an activation. The caller holds the licence's row, so that what was seen is still so when it is written. An accepted
 * machine is told what a validation would say: VALID, GRACE or EXPIRING.
 */
export function planActivation(
  license: LicenseSnapshot,
  fingerprint: string,
  scope: Pick<ValidationScope, 'product'>,
  now: number,
): ActivationPlan {
  const decision = validateBeforeActivation(license, scope, now);
  if (!decision.valid) return { outcome: 'refuse', decision };
  if (license.machines.has(fingerprint)) {
    return { outcome: 'already-active', decision: accept(decision, 'This machine was activated before.') };
  }
  if (!hasFreeSeat(license)) return { outcome: 'refuse', decision: refuseSeat(decision, license.maxMachines) };
  return { outcome: 'activate', decision: accept(decision, 'This machine is now activated.') };
}

function accept(soFar: Decision, detail: string): Decision {
  return {
    ...soFar,
    detail: soFar.code === 'VALID' ? detail : `${detail} ${soFar.detail}`,
    because: [...soFar.because, { rule: 'machine', passed: true, detail }],
  };
}

function refuseSeat(soFar: Decision, maxMachines: number): Decision {
  const detail =
    maxMachines === 1
      ? 'The one machine of this licence is another. Deactivate it first.'
      : `All ${maxMachines} machines of this licence are in use. Deactivate one first.`;
  const because = [...soFar.because, { rule: 'machine' as const, passed: false, detail }];
  return { valid: false, code: 'TOO_MANY_MACHINES', detail, because };
}
