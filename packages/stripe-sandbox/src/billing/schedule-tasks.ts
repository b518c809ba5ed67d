import type { Subscription } from '../objects/subscription.ts';
import { isUnderWay, type SubscriptionSchedule } from '../objects/subscription-schedule.ts';
import type { Work } from '../work.ts';

/** Tasks of a schedule: the beginning of its next phase, or its end; the notice a week before it ends. */
export const PHASE_TASK = 'subscription_schedule.phase';
export const EXPIRING_TASK = 'subscription_schedule.expiring';

const NOTICE_SECONDS = 7 * 86_400;

/** The schedule that manages a subscription, if one does. */
export function scheduleOf(work: Work, subscription: Subscription): SubscriptionSchedule | undefined {
  const found = subscription.schedule === null ? undefined : work.find('subscription_schedule', subscription.schedule);
  return found !== undefined && isUnderWay(found) ? found : undefined;
}

/** When the last phase ends. */
export function endOf(schedule: SubscriptionSchedule): number {
  return schedule.phases.at(-1)?.end_date ?? 0;
}

/** Puts the schedule's next step on the clock's, in place of what was there. */
export function planSchedule(work: Work, schedule: SubscriptionSchedule): void {
  const next = schedule.current_phase?.end_date ?? schedule.phases[0]?.start_date;
  if (isUnderWay(schedule) && next !== undefined) work.tasks.schedule(PHASE_TASK, schedule.id, next);
  else work.tasks.cancel(PHASE_TASK, schedule.id);
  const notice = endOf(schedule) - NOTICE_SECONDS;
  if (isUnderWay(schedule) && notice > work.now) work.tasks.schedule(EXPIRING_TASK, schedule.id, notice);
  else work.tasks.cancel(EXPIRING_TASK, schedule.id);
}

/**
 * A subscription has ended, and its schedule with it: completed where that was its plan, aborted where nobody paid, else
 * canceled.
 */
export function endScheduleOf(work: Work, subscription: Subscription, unpaid: boolean): void {
  const schedule = scheduleOf(work, subscription);
  if (schedule === undefined) return;
  const completed = schedule.end_behavior === 'cancel' && work.now >= endOf(schedule);
  const changes = completed
    ? { completed_at: work.now, status: 'completed' as const }
    : { canceled_at: work.now, status: 'canceled' as const };
  const eventType = completed ? 'completed' : unpaid ? 'aborted' : 'canceled';
  const ended = work.update(schedule, { ...changes, current_phase: null }, `subscription_schedule.${eventType}`);
  planSchedule(work, ended);
}
