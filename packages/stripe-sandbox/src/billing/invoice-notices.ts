import type { Invoice } from '../objects/invoice.ts';
import type { Work } from '../work.ts';
import { dependentOn, setDelinquent } from './collection.ts';
import { DUE_TASK, OVERDUE_TASK, WILL_BE_DUE_TASK } from './due-dates.ts';
import { previewRenewal } from './preview.ts';
import { scheduleSubscription, UPCOMING_TASK } from './subscription-tasks.ts';

/** What Stripe says of invoices in advance and when their day has passed. */

function openInvoice(work: Work, id: string): Invoice | undefined {
  const invoice = work.find('invoice', id);
  return invoice?.status === 'open' ? invoice : undefined;
}

function announce(eventType: string) {
  return (work: Work, id: string): void => {
    const invoice = openInvoice(work, id);
    if (invoice !== undefined) work.emit(eventType, invoice);
  };
}

/** The day an invoice was due has come without a payment: the customer is behind, and so is the subscription. */
function fallDue(work: Work, id: string): void {
  const invoice = openInvoice(work, id);
  if (invoice === undefined) return;
  setDelinquent(work, invoice.customer, true);
  const subscription = dependentOn(work, invoice);
  if (subscription?.status !== 'active') return;
  scheduleSubscription(work, work.update(subscription, { status: 'past_due' }, 'customer.subscription.updated'));
}

/** Shows the invoice that a renewal is going to make, some days before. */
function announceUpcoming(work: Work, id: string): void {
  const invoice = previewRenewal(work, work.get('subscription', id));
  if (invoice !== undefined) work.emit('invoice.upcoming', { ...invoice, billing_reason: 'upcoming' });
}

export const NOTICE_TASKS: Readonly<Record<string, (work: Work, subject: string) => void>> = {
  [DUE_TASK]: fallDue,
  [OVERDUE_TASK]: announce('invoice.overdue'),
  [UPCOMING_TASK]: announceUpcoming,
  [WILL_BE_DUE_TASK]: announce('invoice.will_be_due'),
};
