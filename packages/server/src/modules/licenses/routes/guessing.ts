import type { Decision } from '@latchkey/core';
import type { HttpRequest } from '../../../http/types.ts';

/** Answers about unknown keys: what guessing looks like, and the only ones that count against a caller. */
const GUESSES: ReadonlySet<string> = new Set(['MALFORMED', 'FORGED', 'NOT_FOUND']);
const PREFIX_LENGTH = 8;

/** The part of a key by which guesses from many addresses are counted together. */
export function keyPrefix(key: string): string {
  return key.slice(0, PREFIX_LENGTH);
}

/** Counts an answer that tells of a guess, and gives it back. */
export function countGuess<T extends Pick<Decision, 'code'>>(request: HttpRequest, key: string, answer: T): T {
  if (GUESSES.has(answer.code)) request.countFailure(keyPrefix(key));
  return answer;
}
