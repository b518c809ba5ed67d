import { ApiError } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { Invoice } from '../objects/invoice.ts';
import { isEnded, type Subscription } from '../objects/subscription.ts';
import type { SchedulePhase } from '../objects/subscription-schedule.ts';
import type { Work } from '../work.ts';
import { composeNow } from './change-invoice.ts';
import { type ChangePlan, invoiceNow, itemsToBill } from './change-plan.ts';
import { type ActiveDiscount, activeDiscounts } from './discounts.ts';
import { composeFinal, itemsLeft, unusedTime } from './final-invoice.ts';
import { composeFor } from './invoice-draft.ts';
import { lineOfItem, pendingItems } from './invoice-items.ts';
import { usageLines } from './metered-lines.ts';
import { composeAlone, composePeriod } from './period-invoice.ts';
import { periodLines, withPeriod } from './period-lines.ts';
import { nextBoundary } from './periods.ts';
import { itemsIn, phaseAt, previewedDiscountsIn } from './schedule-phases.ts';
import { scheduleOf } from './schedule-tasks.ts';
import { anchorAfter, cadenceOf, newSubscription, type Start } from './subscription-start.ts';
import { periodOf } from './subscription-tasks.ts';
import { firstInvoiceLines } from './subscriptions.ts';

function noUpcoming(subscription: string): ApiError {
  return new ApiError(404, 'invalid_request_error', `No upcoming invoices for subscription: ${subscription}`, {
    code: 'invoice_upcoming_none',
  });
}

function previewId(): string {
  return newId('upcoming_in_');
}

/** When the subscription bills its next period: at the end of this one, or now when its trial is to end now. */
function nextPeriod(subscription: Subscription, next: Subscription, startsAt: number | null) {
  const cadence = cadenceOf(next.items.data.map((item) => item.price));
  const start = startsAt ?? periodOf(subscription).end;
  const moves = startsAt !== null || subscription.status === 'trialing';
  const anchor = moves ? start : anchorAfter(subscription, next, start);
  return { start, end: nextBoundary(anchor, cadence, start) };
}

/** The phase that a schedule lets begin with the next period. */
function nextPhase(work: Work, subscription: Subscription, at: number): SchedulePhase | undefined {
  const schedule = scheduleOf(work, subscription);
  const until = schedule?.current_phase?.end_date;
  return schedule === undefined || until === undefined || at < until ? undefined : phaseAt(schedule, at);
}

/** The next renewal's invoice, with what waits for it; undefined when there is not going to be one. */
function renewal(work: Work, plan: ChangePlan, trialEndsAt: number | null): Invoice | undefined {
  const { subscription } = plan;
  const phase = nextPhase(work, subscription, trialEndsAt ?? periodOf(subscription).end);
  const next = phase === undefined ? subscription : { ...subscription, items: itemsIn(work, subscription, phase) };
  const discounts = phase === undefined ? plan.discounts : previewedDiscountsIn(work, subscription, phase);
  const period = nextPeriod(subscription, next, trialEndsAt);
  const renews = subscription.cancel_at === null || subscription.cancel_at > period.start;
  const items = itemsToBill(work, plan);
  const id = previewId();
  const usage = usageLines(work, subscription, id, period.start, plan.before);
  if (!renews && items.length + usage.length === 0) return undefined;
  const moved = { ...next, items: withPeriod(next, period) };
  const lines = [...items.map((item) => lineOfItem(id, item)), ...usage];
  const finalizesAt = period.start + (trialEndsAt === null ? work.settings.renewalFinalizeDelaySeconds : 0);
  const compose = renews ? composePeriod : composeAlone;
  return compose(work, moved, {
    id,
    reason: trialEndsAt === null ? 'subscription_cycle' : 'subscription_update',
    lines: renews ? [...lines, ...periodLines(work, moved, id, false)] : lines,
    discounts: discounts.filter(({ end }) => end === null || end > period.start),
    period: { start: periodOf(subscription).start, end: period.start },
    finalizesAt,
    autoAdvance: true,
    members: { created: period.start },
  }).invoice;
}

/**
 * The invoice a change would make: the one made now where the change is invoiced at once, else the next renewal's. It is
 * composed by what carries the change out, so its sums are the sums that are charged.
 */
export function previewChange(work: Work, plan: ChangePlan, trialEndsAt: number | null): Invoice {
  if (isEnded(plan.before)) throw noUpcoming(plan.before.id);
  if (!plan.invoicesNow) {
    const upcoming = renewal(work, plan, trialEndsAt);
    if (upcoming === undefined) throw noUpcoming(plan.before.id);
    return upcoming;
  }
  return composeNow(work, plan, invoiceNow(work, plan, itemsToBill(work, plan), previewId())).invoice;
}

/** The last invoice of a subscription that is canceled now; with `prorate` the time that is left is given back. */
export function previewEnd(work: Work, subscription: Subscription, prorate: boolean): Invoice {
  const unused = prorate ? unusedTime(work, subscription) : [];
  const items = [...itemsLeft(work, subscription), ...unused];
  const id = previewId();
  const usage = usageLines(work, subscription, id, work.now);
  if (isEnded(subscription) || items.length + usage.length === 0) throw noUpcoming(subscription.id);
  return composeFinal(work, subscription, {
    id,
    reason: 'subscription_update',
    items,
    usage,
    finalizesAt: null,
  });
}

/** The next renewal's invoice of a subscription that stays as it is; undefined when it is going to end instead. */
export function previewRenewal(work: Work, subscription: Subscription): Invoice | undefined {
  const plan: ChangePlan = {
    before: subscription,
    subscription,
    discounts: activeDiscounts(work, subscription.discounts, work.now),
    prorations: [],
    prices: {},
    newPeriod: false,
    givenBackFrom: null,
    invoicesNow: false,
  };
  return renewal(work, plan, null);
}

/** The first invoice of a subscription that is not there yet. */
export function previewStart(work: Work, start: Start, discounts: readonly ActiveDiscount[]): Invoice {
  const id = previewId();
  const subscription = newSubscription(work, start, id);
  const of = { customer: start.customer, currency: subscription.currency, subscription: null };
  return composeFor(work, subscription, {
    id,
    reason: 'subscription_create',
    lines: firstInvoiceLines(work, subscription, start, pendingItems(work, of), id),
    discounts,
    period: { start: work.now, end: work.now },
    finalizesAt: null,
    autoAdvance: true,
  });
}
