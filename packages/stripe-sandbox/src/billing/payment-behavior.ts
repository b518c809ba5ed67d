import { invalidRequest } from '../http/api-error.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { collectInvoice, payingMethod } from './collection.ts';
import { intentOf } from './invoices.ts';
import { cardError } from './payment-methods.ts';
import type { Authentication } from './payments.ts';

/** What a subscription's first invoice, or that of a change, does when it is not paid at once. */
export type PaymentBehavior = 'allow_incomplete' | 'default_incomplete' | 'error_if_incomplete';

/** Charged at once, an invoice must be payable: without any payment method Stripe refuses to start. */
export function requirePaymentMethod(work: Work, subscription: Subscription): void {
  const customer = work.get('customer', subscription.customer);
  const known = subscription.default_payment_method ?? customer.invoice_settings.default_payment_method;
  if (known !== null) return;
  throw invalidRequest(
    'This customer has no attached payment source or default payment method. Please consider adding a default payment method.',
    { code: 'resource_missing' },
  );
}

/** `default_incomplete`: the customer's browser confirms; a default payment method is filled in for it. */
function prepareIntent(work: Work, invoice: Invoice): void {
  const paymentMethod = payingMethod(work, invoice);
  const intent = intentOf(work, invoice.id);
  if (paymentMethod === undefined || intent === undefined) return;
  work.update(intent, { payment_method: paymentMethod.id, status: 'requires_confirmation' }, null);
}

/** Collects an open invoice as `behavior` says. Under `error_if_incomplete` whatever is not a payment throws. */
export function collectAs(
  work: Work,
  invoice: Invoice,
  how: { behavior: PaymentBehavior; offSession: boolean; authentication: Authentication | null },
): void {
  if (how.behavior === 'default_incomplete') {
    prepareIntent(work, invoice);
    return;
  }
  const outcome = collectInvoice(work, invoice, {
    automatic: true,
    offSession: how.offSession,
    authentication: how.authentication,
  });
  if (how.behavior !== 'error_if_incomplete' || outcome.kind === 'paid') return;
  if (outcome.kind === 'failed') throw cardError(outcome.decline, null);
  throw cardError(
    {
      code: 'subscription_payment_intent_requires_action',
      declineCode: 'authentication_required',
      message: 'Payment for this subscription requires additional user action before it can be completed successfully.',
    },
    null,
  );
}
