import type { Invoice } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import type { ProrationBehavior } from './change-plan.ts';
import { carryOutChange } from './change-subscription.ts';
import { collectInvoice } from './collection.ts';
import { openPeriod } from './cycle.ts';
import { activeDiscounts } from './discounts.ts';
import { finalizeInvoice, voidInvoice } from './invoices.ts';
import { withPeriod } from './period-lines.ts';
import { addPeriods, nextBoundary } from './periods.ts';
import { netPrices, prorationItems } from './prorations.ts';
import { cadenceOf } from './subscription-start.ts';
import { scheduleSubscription } from './subscription-tasks.ts';

/** Paused subscriptions that go on (https://docs.stripe.com/billing/subscriptions/trials#resume). */

/** Gives up waiting for a subscription to be resumed by a payment. */
const RESUME_TASK = 'subscription.resume';
const WAITING_SECONDS = 23 * 3600;

function resumed(work: Work, subscription: Subscription, status: 'active' | 'past_due'): void {
  const changes = { status, status_details: undefined };
  const running = work.update(subscription, changes, 'customer.subscription.updated');
  work.emit('customer.subscription.resumed', running);
  scheduleSubscription(work, running);
}

/** Collects the invoice of the new period, or leaves it to the customer. A payment has resumed the subscription by itself. */
function settle(work: Work, id: string, draft: Invoice, attempts: boolean): void {
  const invoice = draft.status === 'draft' && draft.auto_advance ? finalizeInvoice(work, draft) : draft;
  if (invoice.status === 'open' && attempts) {
    collectInvoice(work, invoice, { automatic: true, offSession: true, authentication: null });
  }
  const subscription = work.get('subscription', id);
  if (subscription.status !== 'paused') return;
  if (invoice.status === 'paid') resumed(work, subscription, 'active');
  else if (attempts) resumed(work, subscription, 'past_due');
  else work.tasks.schedule(RESUME_TASK, id, work.now + WAITING_SECONDS);
}

/**
 * Takes up a paused subscription with a new period from now, billed at once. With `attempts` the payment is tried and the
 * subscription runs again whatever comes of it; otherwise it stays paused until somebody pays, for 23 hours.
 */
export function resumeNow(work: Work, subscription: Subscription, attempts: boolean): void {
  const draft = openPeriod(work, subscription, { billing_cycle_anchor: work.now }, 'subscription_update');
  settle(work, subscription.id, draft, attempts);
}

/** Takes it up within its old billing cycle: what is left of the period that runs is charged, as `behavior` says. */
export function resumeUnchanged(
  work: Work,
  subscription: Subscription,
  how: { behavior: ProrationBehavior; at: number },
): void {
  const cadence = cadenceOf(subscription.items.data.map((item) => item.price));
  const end = nextBoundary(subscription.billing_cycle_anchor, cadence, work.now);
  const period = { start: Math.max(subscription.billing_cycle_anchor, addPeriods(end, cadence, -1)), end };
  const after: Subscription = { ...subscription, items: withPeriod(subscription, period), status: 'active' };
  const discounts = activeDiscounts(work, subscription.discounts, work.now);
  const prices = netPrices(work, after.items.data, discounts);
  const charged = after.items.data.map((item) => ({ kind: 'debit' as const, item }));
  const none = { ...after, items: { ...after.items, data: [] } };
  const prorations = how.behavior === 'none' ? [] : prorationItems(work, none, charged, { at: how.at, period, prices });
  const { status_details: _paused, ...running } = after;
  carryOutChange(
    work,
    {
      before: subscription,
      subscription: running,
      discounts,
      prorations,
      prices,
      newPeriod: false,
      givenBackFrom: null,
      invoicesNow: how.behavior === 'always_invoice' && prorations.length > 0,
    },
    { behavior: 'allow_incomplete', offSession: true },
  );
  const now = work.get('subscription', subscription.id);
  if (now.status_details !== undefined) work.update(now, { status_details: undefined }, null);
  work.emit('customer.subscription.resumed', work.get('subscription', subscription.id));
}

/** Nobody has paid: the subscription stays paused. */
function giveUp(work: Work, id: string): void {
  const subscription = work.get('subscription', id);
  const invoice = subscription.latest_invoice === null ? undefined : work.find('invoice', subscription.latest_invoice);
  if (subscription.status === 'paused' && invoice?.status === 'open') voidInvoice(work, invoice);
}

export const RESUME_TASKS: Readonly<Record<string, (work: Work, subject: string) => void>> = {
  [RESUME_TASK]: giveUp,
};
