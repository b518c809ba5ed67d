import type { Plan } from './types.ts';

/** The most of one plan that anybody can have at once. */
export const MOST_QUANTITY = 100_000;

/** The most machines that a licence counts. */
export const MOST_MACHINES = 1_000_000_000;

/** Why so many of a plan cannot be had, for whoever asks; null when they can. */
export function quantityRefusal(
  { id, quantity: policy }: Pick<Plan, 'id' | 'quantity'>,
  quantity: number,
): string | null {
  const most = policy?.maximum ?? MOST_QUANTITY;
  if (Number.isSafeInteger(quantity) && quantity >= 1 && quantity <= most) return null;
  return most === 1
    ? `The plan ${id} is sold one at a time.`
    : `Of the plan ${id} the quantity must be a whole number from 1 to ${most}.`;
}

/** The machines of a licence for so many of a plan; -1 is unlimited. */
export function machinesFor(
  { license, quantity: policy }: Pick<Plan, 'license' | 'quantity'>,
  quantity: number,
): number {
  const { maxMachines } = license;
  if (policy?.multipliesMachines !== true || maxMachines === -1) return maxMachines;
  return Math.min(maxMachines * quantity, MOST_MACHINES);
}
