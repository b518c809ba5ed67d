import { randomBytes } from 'node:crypto';
import type { Client } from '../client.ts';
import { at, textAt } from '../json.ts';
import { maskKey } from '../keys.ts';
import { cellText } from '../table.ts';

/** A step of the story was not what it should be. */
export class StoryError extends Error {
  override readonly name = 'StoryError';
  readonly expected: string;
  readonly seen: string;

  constructor(expected: string, seen: string) {
    super(`expected ${expected}, saw ${seen}`);
    this.expected = expected;
    this.seen = seen;
  }
}

/** One customer as the story goes along. */
export interface Actor {
  email: string;
  key: string;
  licenseId: string;
  subscriptionId: string;
  stripeCustomerId: string;
}

/** What is sold in the story. */
export interface Ware {
  product: string;
  plan: string;
}

/** Where a story is played: the server, the local Stripe beside it, and somebody who listens. */
export interface Stage {
  server: Client;
  stripe: Client;
  /** What was asked or done. */
  did(text: string): void;
  /** What came back; a key is to be masked before it is told. */
  saw(text: string): void;
}

/** An address that no earlier run used. */
export function newEmail(role: string): string {
  return `${role}.${randomBytes(5).toString('hex')}@example.com`;
}

export function must(holds: boolean, expected: string, seen: unknown): asserts holds {
  if (!holds) throw new StoryError(expected, brief(seen));
}

/** The text at `path`; a story cannot go on without it. */
export function needText(answer: unknown, path: string, what: string): string {
  const found = textAt(answer, path);
  must(found !== undefined && found !== '', `${what} (${path})`, answer);
  return found;
}

/** What was seen, short enough for a terminal and without any key in it. */
export function brief(seen: unknown): string {
  const text = typeof seen === 'string' ? seen : (JSON.stringify(seen) ?? 'nothing');
  const safe = cellText(text.replace(KEY, (key) => maskKey(key)));
  return safe.length > 400 ? `${safe.slice(0, 399)}…` : safe;
}

/** 256 hexadecimal digits in 16 groups. */
const KEY = /[0-9a-f]{16}(?:-[0-9a-f]{16}){15}/g;

/** The licence key in a letter. */
export function keyIn(letter: unknown): string | undefined {
  return textAt(letter, 'text')?.match(KEY)?.[0];
}

/** Validates the key and holds the answer against what must be answered now. */
export async function expectValidation(
  { server, did, saw }: Stage,
  actor: Actor,
  expected: { code: string; valid: boolean },
): Promise<unknown> {
  did('validate the key on server_001');
  const body = { key: actor.key, machine: { fingerprint: 'server_001' } };
  const answer = await server.post('/v1/licenses/validate', body);
  const seen = `${textAt(answer, 'code')} – ${textAt(answer, 'detail')}`;
  must(
    at(answer, 'code') === expected.code && at(answer, 'valid') === expected.valid,
    `the code ${expected.code} with valid:${expected.valid}`,
    answer,
  );
  saw(seen);
  return answer;
}

/** Moves both clocks on and tells what time it is then. */
export async function advance({ server, did, saw }: Stage, span: { days?: number; seconds?: number }): Promise<void> {
  did(`advance the clocks by ${span.days === undefined ? hours(span.seconds ?? 0) : `${span.days} days`}`);
  const answer = await server.post('/sandbox/time/advance', span, { timeoutMs: 120_000 });
  must(at(answer, 'settled') === true, 'settled:true once all that fell due was carried out', answer);
  saw(`it is now ${cellText(textAt(answer, 'now'))}`);
}

function hours(seconds: number): string {
  return `${Math.floor(seconds / 86_400)} days and ${Math.round((seconds % 86_400) / 3_600)} hours`;
}
