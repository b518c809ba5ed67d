import type { Decision } from '@latchkey/core';
import { callerOf } from '../../../http/rate-limits.ts';
import type { HttpRequest } from '../../../http/types.ts';
import type { LicenseReader } from '../reading.ts';

/** Answers about unknown keys: what guessing looks like, and the only ones that count against a caller. */
const GUESSES: ReadonlySet<string> = new Set(['MALFORMED', 'FORGED', 'NOT_FOUND']);

/**
 * Throws `rate_limited` where guessing goes on: from the caller's address, or at keys that begin like this one. Whoever was answered
 * about this key before, from this address, is no guesser and goes on being answered.
 */
export function assertNoGuess(request: HttpRequest, reader: Pick<LicenseReader, 'lastAskedFrom'>, key: string): void {
  request.assertKeyChecksAllowed(key, () => {
    const before = reader.lastAskedFrom(key);
    return before !== null && callerOf(before) === callerOf(request.ip);
  });
}

/** Counts an answer that tells of a guess, and gives it back. */
export function countGuess<T extends Pick<Decision, 'code'>>(request: HttpRequest, key: string, answer: T): T {
  if (GUESSES.has(answer.code)) request.countFailure(key);
  return answer;
}
