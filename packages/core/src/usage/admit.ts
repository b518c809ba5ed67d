/** Whether use is let in, and what it is then: covered by what there is, billed, or only noted. */

import type { UsageTerms } from './terms.ts';

/** The parts of a use; their sum is its quantity. */
export interface UsageParts {
  readonly covered: number;
  /** Beyond, and billed. */
  readonly overage: number;
  /** Beyond, and noted only. */
  readonly uncovered: number;
}

export type AdmissionCode = 'VALID' | 'LIMIT_REACHED' | 'NO_CREDIT';

/** One thing that was looked at, and what it came to. */
export interface UsageReason {
  readonly rule: 'license' | 'balance' | 'limit' | 'ceiling' | 'reservation';
  readonly passed: boolean;
  readonly detail: string;
}

export type Admission =
  | {
      readonly allowed: true;
      readonly code: 'VALID';
      readonly parts: UsageParts;
      readonly because: readonly UsageReason[];
    }
  | { readonly allowed: false; readonly code: AdmissionCode; readonly because: readonly UsageReason[] };

/** What a use is admitted against. */
export interface AdmissionFacts {
  readonly terms: Pick<UsageTerms, 'limit' | 'included' | 'ceiling'>;
  /** What can be taken: of what the period includes, and of what was given or bought. */
  readonly available: number;
  /** What went beyond in this period so far, live reservations among it. */
  readonly beyond: number;
  /** False for use that has happened already and is to be counted whatever the limit says. */
  readonly enforce: boolean;
}

/** Decides on a quantity of a meter whose uses add up: all of it or nothing. */
export function admit(quantity: number, { terms, available, beyond, enforce }: AdmissionFacts): Admission {
  const covered = terms.included === -1 ? quantity : Math.min(quantity, Math.max(available, 0));
  const rest = quantity - covered;
  if (rest === 0) return admitted({ covered, overage: 0, uncovered: 0 }, BALANCE_SUFFICES);
  const room = terms.limit === 'hard' || terms.limit === 'prepaid' ? 0 : roomBeyond(terms, beyond);
  if (rest > room && enforce) return refused(terms, room);
  const within = Math.min(rest, room);
  const overage = terms.limit === 'overage' ? within : 0;
  const parts = { covered, overage, uncovered: rest - overage };
  return admitted(parts, overage > 0 ? BILLED : rest > room ? NOT_ENFORCED : NOTED);
}

/** What may still go beyond what is included, under the ceiling. */
export function roomBeyond({ included, ceiling }: Pick<UsageTerms, 'included' | 'ceiling'>, beyond: number): number {
  return ceiling === null ? Number.MAX_SAFE_INTEGER : Math.max(0, ceiling - Math.max(included, 0) - beyond);
}

/** What is admitted of a meter that keeps its greatest or its last value. */
export interface ValueFacts {
  readonly terms: Pick<UsageTerms, 'limit' | 'included' | 'ceiling'>;
  /** As much of the period's peak as is billed already. */
  readonly overage: number;
  /** Only what was the peak of a period can be billed: a last value can become less again. */
  readonly aggregation: 'max' | 'last';
  readonly enforce: boolean;
}

/** Decides on a value that is kept as it is: nothing is taken from a balance, and limits hold for the value itself. */
export function admitValue(value: number, { terms, overage, aggregation, enforce }: ValueFacts): Admission {
  const none = { covered: 0, overage: 0, uncovered: 0 };
  const { included, ceiling, limit } = terms;
  if (limit === 'prepaid' || included === -1 || value <= included) return admitted(none, WITHIN_LIMIT);
  const most = limit === 'hard' ? included : ceiling;
  if (most !== null && value > most && enforce) return refused(terms, Math.max(0, most - included));
  if (limit !== 'overage' || aggregation === 'last') return admitted(none, limit === 'hard' ? NOT_ENFORCED : NOTED);
  const billed = (most === null ? value : Math.min(value, most)) - included;
  return admitted({ ...none, overage: Math.max(0, billed - overage) }, BILLED);
}

/** Takes an amount back from parts of which some was taken back before: first what was only noted, then what is billed. */
export function partsBack(parts: UsageParts, before: number, amount: number): UsageParts {
  let skip = before;
  let left = amount;
  const back = (part: number): number => {
    const skipped = Math.min(skip, part);
    skip -= skipped;
    const taken = Math.min(left, part - skipped);
    left -= taken;
    return taken;
  };
  const uncovered = back(parts.uncovered);
  const overage = back(parts.overage);
  return { uncovered, overage, covered: back(parts.covered) };
}

/** The highest of the thresholds, in percent of what is included, that is reached. 0 for none, or where nothing is included. */
export function thresholdReached(recorded: number, included: number, thresholds: readonly number[]): number {
  if (included <= 0) return 0;
  const reached = thresholds.filter((percent) => BigInt(recorded) * 100n >= BigInt(included) * BigInt(percent));
  return Math.max(0, ...reached);
}

function admitted(parts: UsageParts, reason: UsageReason): Admission {
  return { allowed: true, code: 'VALID', parts, because: [reason] };
}

function refused({ limit, ceiling }: Pick<UsageTerms, 'limit' | 'ceiling'>, room: number): Admission {
  if (limit === 'prepaid')
    return { allowed: false, code: 'NO_CREDIT', because: [no('balance', 'Less is available than was asked for.')] };
  const reason =
    limit === 'hard' || ceiling === null
      ? no('limit', 'What the plan includes is used up, and nothing else covers this.')
      : no(
          'ceiling',
          room === 0 ? 'The ceiling of this period is reached.' : 'It would go beyond the ceiling of this period.',
        );
  return { allowed: false, code: 'LIMIT_REACHED', because: [reason] };
}

function yes(rule: UsageReason['rule'], detail: string): UsageReason {
  return { rule, passed: true, detail };
}

function no(rule: UsageReason['rule'], detail: string): UsageReason {
  return { rule, passed: false, detail };
}

const BALANCE_SUFFICES = yes('balance', 'What is available covers all of it.');
const BILLED = yes('limit', 'What goes beyond what is included is billed.');
const NOTED = yes('limit', 'What goes beyond what is included is let through and noted.');
const NOT_ENFORCED = yes('limit', 'It has happened already: it is counted, though the limit is reached.');
const WITHIN_LIMIT = yes('limit', 'The value is within the limit.');
