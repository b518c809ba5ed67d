import type { Customer } from '../objects/customer.ts';
import { isEnded } from '../objects/subscription.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { cancelSubscription } from './cancellation.ts';

/** Deletes a customer for good: subscriptions are canceled, payment methods detached. */
export function deleteCustomer(work: Work, customer: Customer) {
  for (const subscription of work.select('subscription', [equals('$.customer', customer.id)])) {
    if (!isEnded(subscription)) cancelSubscription(work, subscription, 'cancellation_requested');
  }
  for (const paymentMethod of work.select('payment_method', [equals('$.customer', customer.id)])) {
    work.update(paymentMethod, { customer: null }, 'payment_method.detached');
  }
  return work.remove(customer, 'customer.deleted');
}
