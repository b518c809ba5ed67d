import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';

/**
 * Tasks of a subscription: its next boundary; the end of waiting for a first payment; the notices before a trial ends and
 * before an invoice.
 */
export const TICK_TASK = 'subscription.tick';
export const EXPIRE_TASK = 'subscription.expire';
export const TRIAL_NOTICE_TASK = 'subscription.trial_will_end';

export const UPCOMING_TASK = 'invoice.upcoming';

const DAY_SECONDS = 86_400;
const TRIAL_NOTICE_SECONDS = 3 * 86_400;
const INCOMPLETE_SECONDS = 23 * 3600;

export function periodOf(subscription: Subscription): { start: number; end: number } {
  const [item] = subscription.items.data;
  if (item === undefined) throw new Error(`Subscription ${subscription.id} has no items`);
  return { start: item.current_period_start, end: item.current_period_end };
}

/** When the clock has something to do for the subscription next: null when never. */
function nextTick(subscription: Subscription): number | null {
  switch (subscription.status) {
    case 'active':
    case 'past_due':
    case 'trialing':
    case 'unpaid': {
      const { end } = periodOf(subscription);
      return subscription.cancel_at === null ? end : Math.min(end, subscription.cancel_at);
    }
    case 'canceled':
    case 'incomplete':
    case 'incomplete_expired':
    case 'paused':
      return null;
  }
}

/** What the clock does for the subscription at `now`. Cancelling comes before billing another period. */
export function decideTick(subscription: Subscription, now: number): 'cancel' | 'end_trial' | 'new_period' | 'nothing' {
  const due = nextTick(subscription);
  if (due === null || now < due) return 'nothing';
  if (subscription.cancel_at !== null && now >= subscription.cancel_at) return 'cancel';
  return subscription.status === 'trialing' ? 'end_trial' : 'new_period';
}

/** When the next renewal's invoice is announced: null when there is none, or it is too late for that. */
function upcomingNotice(work: Work, subscription: Subscription, due: number | null): number | null {
  const collected = subscription.pause_collection === null && subscription.status !== 'unpaid';
  const charged = collected && subscription.collection_method === 'charge_automatically';
  const notice = (due ?? 0) - work.settings.upcomingDays * DAY_SECONDS;
  return charged && notice > work.now ? notice : null;
}

/** Puts the subscription's next step on the schedule, in place of what was there. Call it after every change of state. */
export function scheduleSubscription(work: Work, subscription: Subscription): void {
  const due = nextTick(subscription);
  if (due === null) work.tasks.cancel(TICK_TASK, subscription.id);
  else work.tasks.schedule(TICK_TASK, subscription.id, due);
  const upcoming = upcomingNotice(work, subscription, due);
  if (upcoming === null) work.tasks.cancel(UPCOMING_TASK, subscription.id);
  else work.tasks.schedule(UPCOMING_TASK, subscription.id, upcoming);
  if (subscription.status === 'incomplete') {
    work.tasks.schedule(EXPIRE_TASK, subscription.id, subscription.created + INCOMPLETE_SECONDS);
  } else {
    work.tasks.cancel(EXPIRE_TASK, subscription.id);
  }
  const notice = (subscription.trial_end ?? 0) - TRIAL_NOTICE_SECONDS;
  if (subscription.status === 'trialing' && notice > work.now) {
    work.tasks.schedule(TRIAL_NOTICE_TASK, subscription.id, notice);
  } else {
    work.tasks.cancel(TRIAL_NOTICE_TASK, subscription.id);
  }
}
