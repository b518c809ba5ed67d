import type { LicensePolicy } from '../catalog/index.ts';
import type { Decision, ValidationCode } from './codes.ts';
import { matchMachine, type PresentedMachine } from './machine-matching.ts';
import {
  COPY_DETAIL,
  hasFreeSeat,
  type LicenseSnapshot,
  type ValidationScope,
  validateBeforeActivation,
} from './validate.ts';

/** What activation decided: refuse, answer the seat the machine already has, or take a free one. */
export type ActivationPlan =
  | { outcome: 'refuse'; decision: Decision }
  /** `fingerprint` is the one it was known by until now. */
  | { outcome: 'already-active'; fingerprint: string; decision: Decision }
  | { outcome: 'activate'; decision: Decision };

/**
 * Decides an activation. The caller holds the licence's row, so that what was seen is still so when it is written. An accepted
 * machine is told what a validation would say: VALID, GRACE or EXPIRING.
 */
export function planActivation(
  license: LicenseSnapshot,
  machine: PresentedMachine,
  scope: Pick<ValidationScope, 'product'>,
  now: number,
): ActivationPlan {
  const decision = validateBeforeActivation(license, scope, now);
  if (!decision.valid) return { outcome: 'refuse', decision };
  const match = matchMachine(license.machines, machine, license.machineMatching);
  switch (match.kind) {
    case 'known': {
      const { fingerprint } = match;
      return {
        outcome: 'already-active',
        fingerprint,
        decision: accept(decision, 'This machine was activated before.'),
      };
    }
    case 'copy':
      return { outcome: 'refuse', decision: refuse(decision, 'MACHINE_MISMATCH', COPY_DETAIL) };
    case 'unknown':
      if (!hasFreeSeat(license)) return { outcome: 'refuse', decision: refuseSeat(decision, license.maxMachines) };
      return { outcome: 'activate', decision: accept(decision, 'This machine is now activated.') };
  }
}

/** The decision where the machine is active on another licence, and the plan allows it once within its `uniqueness`. */
export function refuseSecondHome(soFar: Decision, uniqueness: LicensePolicy['machineUniqueness']): Decision {
  const detail = `This machine is active on another licence of this ${uniqueness}, and may be on one only. Deactivate it there first.`;
  const because = soFar.because.filter((reason) => reason.rule !== 'machine');
  return refuse({ ...soFar, because }, 'MACHINE_MISMATCH', detail);
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
  return refuse(soFar, 'TOO_MANY_MACHINES', detail);
}

function refuse(soFar: Decision, code: ValidationCode, detail: string): Decision {
  return { valid: false, code, detail, because: [...soFar.because, { rule: 'machine', passed: false, detail }] };
}
