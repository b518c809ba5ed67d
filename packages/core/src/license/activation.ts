import type { Decision } from './codes.ts';
import { hasFreeSeat, type LicenseSnapshot, type ValidationScope, validateBeforeActivation } from './validate.ts';

/** What activation decided: refuse, answer the seat the machine already has, or take a free one. */
export type ActivationPlan =
  | { outcome: 'refuse'; decision: Decision }
  | { outcome: 'already-active'; decision: Decision }
  | { outcome: 'activate'; decision: Decision };

/** Decides an activation. The caller holds the licence's row, so that what was seen is still so when it is written. */
export function planActivation(
  license: LicenseSnapshot,
  fingerprint: string,
  scope: Pick<ValidationScope, 'product'>,
  now: number,
): ActivationPlan {
  const refusal = validateBeforeActivation(license, scope, now);
  if (refusal !== null) return { outcome: 'refuse', decision: refusal };
  if (license.machines.has(fingerprint)) {
    return { outcome: 'already-active', decision: accepted('This machine was activated before.') };
  }
  if (!hasFreeSeat(license)) return { outcome: 'refuse', decision: noSeat(license) };
  return { outcome: 'activate', decision: accepted('This machine is now activated.') };
}

function accepted(detail: string): Decision {
  return { valid: true, code: 'VALID', detail, because: [{ rule: 'machine', passed: true, detail }] };
}

function noSeat(license: LicenseSnapshot): Decision {
  const detail = `All ${license.maxMachines} machines of this licence are in use. Deactivate one first.`;
  return { valid: false, code: 'TOO_MANY_MACHINES', detail, because: [{ rule: 'machine', passed: false, detail }] };
}
