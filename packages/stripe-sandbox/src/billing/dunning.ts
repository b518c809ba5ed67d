import type { FinalRetryOutcome } from '../settings.ts';

type AfterFailure = { kind: 'retry'; at: number } | { kind: 'exhausted'; outcome: FinalRetryOutcome };

const DAY_SECONDS = 86_400;

/**
 * What follows a failed automatic payment: the next attempt, counted from this one, or the end of all attempts.
 * `attemptCount` includes the one that has just failed.
 */
export function afterFailure(
  attemptCount: number,
  now: number,
  policy: { retryDelaysDays: readonly number[]; afterFinalRetry: FinalRetryOutcome },
): AfterFailure {
  const delay = policy.retryDelaysDays[attemptCount - 1];
  if (delay === undefined) return { kind: 'exhausted', outcome: policy.afterFinalRetry };
  return { kind: 'retry', at: now + Math.round(delay * DAY_SECONDS) };
}
