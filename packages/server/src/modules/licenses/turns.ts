import { type LicenseSnapshot, termEndsAt } from '@latchkey/core';

/**
 * The moment after `now` at which a validation of this licence may turn out otherwise, though nothing happens to it: its start, its end,
 * the end of what keeps it going, the moment from which it is called expiring, a hold that bites. Until then the answer to the same
 * question is the same to the letter. `Infinity` when there is none ahead.
 */
export function nextTurn(license: LicenseSnapshot, now: number): number {
  const { startsAt, expiresAt, holds, policy } = license;
  let next = Number.POSITIVE_INFINITY;
  const consider = (moment: number | null) => {
    if (moment !== null && moment > now && moment < next) next = moment;
  };
  const end = termEndsAt(license, policy);
  consider(startsAt);
  consider(expiresAt);
  consider(end);
  if (end !== null) consider(end - policy.expiringWithinMs);
  for (const { effectiveAt } of holds) consider(effectiveAt);
  return next;
}
