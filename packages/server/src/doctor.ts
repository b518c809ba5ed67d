/** What `latchkey doctor` looks at: single questions, each answered in time, each with what to do about a no. */

import { LatchkeyError } from '@latchkey/core';

/** `warning`: it works, and somebody should know. */
export type DoctorStatus = 'ok' | 'warning' | 'failure';

/** What was found, and the next thing to do about it. */
export interface Finding {
  status: DoctorStatus;
  detail: string;
  /** A command or a setting; null where nothing is to be done. */
  next: string | null;
}

/** A question under its code, which docs/troubleshooting.md has a section for. */
export interface Question {
  code: string;
  /** One finding, or several of one code: one for each product, say. May throw, which is a failure. */
  ask(): Promise<Finding | readonly Finding[]> | Finding | readonly Finding[];
  /** What to do when it throws. */
  next: string;
}

export interface DoctorCheck extends Finding {
  code: string;
}

export interface DoctorReport {
  /** The worst of all. */
  status: DoctorStatus;
  checks: DoctorCheck[];
}

/** A question that takes longer is answered with that. */
const LONGEST_MS = 8_000;

export const ok = (detail: string): Finding => ({ status: 'ok', detail, next: null });
export const warning = (detail: string, next: string): Finding => ({ status: 'warning', detail, next });
export const failure = (detail: string, next: string): Finding => ({ status: 'failure', detail, next });

/** Asks everything at once and answers in the order of the questions. Never throws. */
export async function examine(questions: readonly Question[], longestMs = LONGEST_MS): Promise<DoctorReport> {
  const found = await Promise.all(questions.map((question) => answer(question, longestMs)));
  const checks = found.flat();
  return { status: worst(checks), checks };
}

/** The worst status among some. */
export function worst(findings: readonly Pick<Finding, 'status'>[]): DoctorStatus {
  const has = (status: DoctorStatus) => findings.some((one) => one.status === status);
  return has('failure') ? 'failure' : has('warning') ? 'warning' : 'ok';
}

async function answer({ code, ask, next }: Question, longestMs: number): Promise<DoctorCheck[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${longestMs / 1_000} s`)), longestMs);
  });
  try {
    const found = await Promise.race([Promise.resolve().then(ask), late]);
    return (Array.isArray(found) ? found : [found]).map((one: Finding) => ({ code, ...one }));
  } catch (error) {
    return [{ code, ...failure(reasonOf(error), next) }];
  } finally {
    clearTimeout(timer);
  }
}

/** What an error says to people, on one line. */
export function reasonOf(error: unknown): string {
  const text = error instanceof LatchkeyError ? error.detail : error instanceof Error ? error.message : String(error);
  const cause = text === '' && error instanceof Error && 'code' in error ? String(error.code) : text;
  return cause.replace(/\s+/g, ' ').slice(0, 500);
}
