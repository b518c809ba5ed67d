import type { Customer } from '../objects/customer.ts';
import { isEnded } from '../objects/subscription.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { cancelSubscription } from './cancellation.ts';
import { forgetDueDate } from './due-dates.ts';
import { setAdvance } from './manual-invoices.ts';

/** Deletes a customer for good: subscriptions are canceled, payment methods detached, invoices go no further by themselves. */
export function deleteCustomer(work: Work, customer: Customer) {
  for (const subscription of work.select('subscription', [equals('$.customer', customer.id)])) {
    if (!isEnded(subscription)) cancelSubscription(work, subscription, 'cancellation_requested');
  }
  for (const paymentMethod of work.select('payment_method', [equals('$.customer', customer.id)])) {
    work.update(paymentMethod, { customer: null }, 'payment_method.detached');
  }
  for (const invoice of work.select('invoice', [equals('$.customer', customer.id)])) {
    if (invoice.status === 'draft' || invoice.status === 'open') setAdvance(work, invoice, false);
    forgetDueDate(work, invoice.id);
  }
  return work.remove(customer, 'customer.deleted');
}
