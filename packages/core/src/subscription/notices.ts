/** What a customer is told before something ends. Instants are milliseconds since the epoch, in domain time. */

import { dayMs } from '../time.ts';
import type { Standing, SubscriptionView } from './state.ts';

/** What ends by itself, and when. */
export interface EndingFacts {
  standing: Standing;
  isTrial: boolean;
  /** When it ends for good unless somebody does something; null: it goes on by itself. */
  endsAt: number | null;
  /** When a trial ends and is to be paid for; null without one. */
  trialEndsAt: number | null;
  startedAt: number;
}

/** A letter before something ends; the same occasion is never written about twice. */
export interface EndingNotice {
  template: 'subscription-ending' | 'trial-ending';
  occasion: string;
  endsAt: number;
}

/**
 * The notice that is due at `now`. Of several the one nearest to the end: who is told late is told once. What renews by itself
 * calls for none, and what is shorter than a notice's days is not begun with it.
 */
export function endingNotice(facts: EndingFacts, noticeDays: readonly number[], now: number): EndingNotice | null {
  const ending = endingOf(facts);
  if (ending === null || now >= ending.at) return null;
  const due = noticeTimes(ending.at, facts.startedAt, noticeDays).filter(({ at }) => at <= now);
  const nearest = due.at(-1);
  if (nearest === undefined) return null;
  return { template: ending.template, occasion: `${ending.at}-${nearest.days}-days`, endsAt: ending.at };
}

/** When the next notice falls due after `now`; null when none does. */
export function nextNoticeAt(facts: EndingFacts, noticeDays: readonly number[], now: number): number | null {
  const ending = endingOf(facts);
  if (ending === null) return null;
  return noticeTimes(ending.at, facts.startedAt, noticeDays).find(({ at }) => at > now)?.at ?? null;
}

/** When the clock next calls for a letter about what is owed. */
export function nextReminderAt(view: SubscriptionView, now: number): number | null {
  const { standing, remindAt } = view;
  return standing === 'grace' && remindAt !== null && remindAt > now ? remindAt : null;
}

function endingOf(facts: EndingFacts): { template: EndingNotice['template']; at: number } | null {
  if (facts.standing !== 'current' && facts.standing !== 'grace') return null;
  if (facts.endsAt !== null) return { template: 'subscription-ending', at: facts.endsAt };
  if (!facts.isTrial || facts.trialEndsAt === null) return null;
  return { template: 'trial-ending', at: facts.trialEndsAt };
}

/** Earliest first. */
function noticeTimes(end: number, start: number, noticeDays: readonly number[]): { days: number; at: number }[] {
  return noticeDays
    .map((days) => ({ days, at: end - days * dayMs }))
    .filter(({ at }) => at > start)
    .sort((one, other) => one.at - other.at);
}
