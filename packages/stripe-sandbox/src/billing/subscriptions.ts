import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { Price } from '../objects/price.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { collectInvoice, payingMethod } from './collection.ts';
import { activeDiscounts, redeem, spendDiscounts } from './discounts.ts';
import { composeFor, storeDraft } from './invoice-draft.ts';
import { finalizeInvoice, intentOf } from './invoices.ts';
import { itemLine, oneTimeLine } from './lines.ts';
import { cardError } from './payment-methods.ts';
import { newSubscription, type Start } from './subscription-start.ts';
import { scheduleSubscription } from './subscription-tasks.ts';

/** A customer is billed in the currency of their first subscription from then on. */
function settleCurrency(work: Work, customerId: string, currency: string): void {
  const customer = work.get('customer', customerId);
  if (customer.currency === null) work.update(customer, { currency }, 'customer.updated');
  else if (customer.currency !== currency) {
    throw invalidRequest(
      `You cannot combine currencies on a single customer. This customer has been billed in ${customer.currency} before.`,
      { param: 'currency' },
    );
  }
}

function firstInvoiceLines(work: Work, subscription: Subscription, start: Start, invoice: string) {
  const trial = start.trialEnd !== null;
  const nameOf = (price: Price) => work.get('product', price.product).name;
  return [
    ...subscription.items.data.map((item) =>
      itemLine(
        invoice,
        subscription,
        item,
        nameOf(item.price),
        { start: item.current_period_start, end: item.current_period_end },
        trial,
      ),
    ),
    ...start.extras.map((sold) =>
      oneTimeLine(invoice, subscription.id, { ...sold, productName: nameOf(sold.price) }, work.now),
    ),
  ];
}

/** Charged at once, the first invoice must be payable: without any payment method Stripe refuses to start. */
function requirePaymentMethod(work: Work, subscription: Subscription): void {
  const customer = work.get('customer', subscription.customer);
  const known = subscription.default_payment_method ?? customer.invoice_settings.default_payment_method;
  if (known !== null) return;
  throw invalidRequest(
    'This customer has no attached payment source or default payment method. Please consider adding a default payment method.',
    { code: 'resource_missing' },
  );
}

/**
 * Starts a subscription: its first invoice is finalised and, as `behavior` says, collected in the same breath. Throws the
 * card error of a decline under `error_if_incomplete`; otherwise a declined start is an `incomplete` subscription.
 */
export function startSubscription(work: Work, start: Start): Subscription {
  const invoiceId = newId('in_');
  const begun = newSubscription(work, start, invoiceId);
  const owner = { checkout_session: null, customer: start.customer, invoice: null, subscription: begun.id };
  const discounts = start.discounts.map((one) => redeem(work, one, owner).id);
  const blank = { ...begun, discounts };
  const automatic = blank.collection_method === 'charge_automatically';
  const compose = (finalizesAt: number | null) =>
    composeFor(work, blank, {
      id: invoiceId,
      reason: 'subscription_create',
      lines: firstInvoiceLines(work, blank, start, invoiceId),
      discounts: activeDiscounts(work, discounts, work.now),
      period: { start: work.now, end: work.now },
      finalizesAt,
      autoAdvance: true,
    });
  const { amount_due: due } = compose(null);
  const owes = due > 0 && automatic;
  if (owes && start.behavior !== 'default_incomplete') requirePaymentMethod(work, blank);
  const status = start.trialEnd !== null ? 'trialing' : owes ? 'incomplete' : 'active';
  const subscription = work.insert({ ...blank, status }, 'customer.subscription.created');
  for (const item of subscription.items.data) work.objects.setOwner(item.id, subscription.id);
  settleCurrency(work, start.customer, subscription.currency);
  scheduleSubscription(work, subscription);
  // An invoice that is sent stays a draft for a while, like a renewal; one that is charged is finalised right away.
  const sentLater = !automatic && due > 0;
  const draft = storeDraft(work, compose(sentLater ? work.now + work.settings.renewalFinalizeDelaySeconds : null));
  spendDiscounts(work, subscription, draft);
  if (sentLater) return work.get('subscription', subscription.id);
  const invoice = finalizeInvoice(work, draft);
  if (owes && start.behavior !== 'default_incomplete') collectFirst(work, invoice, start);
  else if (owes) prepareIntent(work, invoice);
  return work.get('subscription', subscription.id);
}

function collectFirst(work: Work, invoice: Invoice, start: Start): void {
  const outcome = collectInvoice(work, invoice, {
    automatic: true,
    offSession: start.offSession,
    authentication: start.authentication,
  });
  if (start.behavior !== 'error_if_incomplete' || outcome.kind === 'paid') return;
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

/** `default_incomplete`: the customer's browser confirms; a default payment method is filled in for it. */
function prepareIntent(work: Work, invoice: Invoice): void {
  const paymentMethod = payingMethod(work, invoice);
  const intent = intentOf(work, invoice.id);
  if (paymentMethod === undefined || intent === undefined) return;
  work.update(intent, { payment_method: paymentMethod.id, status: 'requires_confirmation' }, null);
}
