import { type LicenseState, type TermPolicy, termEndsAt } from '@latchkey/core';

/**
 * Which of the moments lie behind `now` at which a validation of this licence may turn out otherwise, though nothing happens to it: its
 * start, its end, the end of what keeps it going, the moment from which it is called expiring, and each of its holds as it bites. One bit
 * each. While the bits are the same, the answer to the same question is the same to the letter.
 */
export function turnsPassed(license: LicenseState, policy: TermPolicy, now: number): number {
  const { startsAt, expiresAt, holds } = license;
  let passed = startsAt <= now ? 1 : 0;
  if (expiresAt !== null && expiresAt <= now) passed |= 2;
  const end = termEndsAt(license, policy);
  if (end !== null) {
    if (end <= now) passed |= 4;
    if (end - policy.expiringWithinMs <= now) passed |= 8;
  }
  for (let index = 0; index < holds.length; index += 1) {
    const hold = holds[index];
    if (hold !== undefined && hold.effectiveAt <= now) passed |= 16 << index;
  }
  return passed;
}
