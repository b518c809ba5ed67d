import { noSuch } from '../http/api-error.ts';
import { type Invoice, subscriptionOf } from '../objects/invoice.ts';
import type { PaymentIntent } from '../objects/payment-intent.ts';
import type { PaymentMethod } from '../objects/payment-method.ts';
import { isEnded, type Subscription } from '../objects/subscription.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { cancelSubscription } from './cancellation.ts';
import { afterFailure } from './dunning.ts';
import { COLLECT_TASK, intentOf, invoiceOfIntent, markInvoicePaid } from './invoices.ts';
import { type Authentication, confirmPaymentIntent, type PaymentOutcome } from './payments.ts';
import { applyPending, isForPending } from './pending-update.ts';
import { scheduleSubscription } from './subscription-tasks.ts';
import type { Decline } from './test-cards.ts';

type CollectionOutcome =
  | { kind: 'paid'; invoice: Invoice }
  | { kind: 'requires_action'; invoice: Invoice; intent: PaymentIntent }
  | { kind: 'failed'; invoice: Invoice; decline: Decline; intent: PaymentIntent; charge: string | null };

/** Who is trying: the schedule of automatic attempts (the first one included), or somebody. */
type Attempt = {
  automatic: boolean;
  offSession: boolean;
  authentication: Authentication | null;
  paymentMethod?: PaymentMethod;
};

function subscriptionFor(work: Work, invoice: Invoice): Subscription | undefined {
  const id = subscriptionOf(invoice);
  return id === null ? undefined : work.find('subscription', id);
}

/**
 * The subscription whose status follows from the invoice. An invoice made by hand may be for a subscription, but does not
 * decide how it stands (https://docs.stripe.com/api/invoices/create#create_invoice-subscription).
 */
export function dependentOn(work: Work, invoice: Invoice): Subscription | undefined {
  return invoice.billing_reason === 'manual' ? undefined : subscriptionFor(work, invoice);
}

/** The payment method that pays: the invoice's own, else the subscription's, else the customer's default. */
export function payingMethod(work: Work, invoice: Invoice): PaymentMethod | undefined {
  const candidates = [
    invoice.default_payment_method,
    subscriptionFor(work, invoice)?.default_payment_method,
    work.find('customer', invoice.customer)?.invoice_settings.default_payment_method,
  ];
  for (const id of candidates) {
    const found = id ? work.find('payment_method', id) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Is this the newest invoice of the subscription that is not a draft? Paying an older one does not recover it. */
function isLatestFinalized(work: Work, invoice: Invoice, subscription: Subscription): boolean {
  const all = work.select('invoice', [equals('$.parent.subscription_details.subscription', subscription.id)]);
  const finalized = all.filter((one) => one.status !== 'draft' && one.status !== 'void');
  return finalized.filter((one) => one.billing_reason !== 'manual').at(-1)?.id === invoice.id;
}

/** Marks a customer as being behind with what they owe, or as not being so any more. */
export function setDelinquent(work: Work, customerId: string, delinquent: boolean): void {
  const customer = work.find('customer', customerId);
  if (customer !== undefined) work.update(customer, { delinquent }, 'customer.updated');
}

/** What a paid invoice does to its subscription: the first one starts it, the newest one recovers it. */
export function recoverSubscription(work: Work, invoice: Invoice, intent: PaymentIntent | null): void {
  const subscription = dependentOn(work, invoice);
  if (subscription === undefined) return;
  if (applyPending(work, subscription, invoice)) return;
  const starts = subscription.status === 'incomplete';
  const paused = subscription.status === 'paused';
  const behind = paused || subscription.status === 'past_due' || subscription.status === 'unpaid';
  if (!starts && !(behind && isLatestFinalized(work, invoice, subscription))) return;
  const saves = subscription.payment_settings.save_default_payment_method === 'on_subscription';
  const defaultMethod = saves && intent?.payment_method ? intent.payment_method : subscription.default_payment_method;
  const active = work.update(
    subscription,
    { default_payment_method: defaultMethod, status: 'active', status_details: undefined },
    'customer.subscription.updated',
  );
  if (paused) work.emit('customer.subscription.resumed', active);
  scheduleSubscription(work, active);
}

function paid(work: Work, invoice: Invoice, intent: PaymentIntent): CollectionOutcome {
  const result = markInvoicePaid(work, invoice, intent);
  setDelinquent(work, invoice.customer, false);
  recoverSubscription(work, result, intent);
  return { kind: 'paid', invoice: result };
}

/** The last automatic attempt has failed: what is configured happens to the subscription. */
function exhausted(work: Work, subscription: Subscription, outcome: 'cancel' | 'past_due' | 'unpaid'): void {
  switch (outcome) {
    case 'cancel':
      cancelSubscription(work, subscription, 'payment_failed');
      return;
    case 'unpaid':
      scheduleSubscription(work, work.update(subscription, { status: 'unpaid' }, 'customer.subscription.updated'));
      return;
    case 'past_due':
      return;
  }
}

/** Counts the attempt, plans the next one, and lets the subscription fall behind. */
function failed(work: Work, invoice: Invoice, attempt: Attempt, needsAction: boolean): Invoice {
  const subscription = dependentOn(work, invoice);
  // What is sent is paid by the customer or not at all: nothing is scheduled, and only its due date says who is behind.
  const charged = invoice.collection_method === 'charge_automatically';
  // Any attempt may be the first; after it only the scheduled ones count.
  const counts = attempt.automatic || invoice.attempt_count === 0;
  const retried = counts && charged && invoice.billing_reason !== 'subscription_create' && invoice.auto_advance;
  const attemptCount = counts ? invoice.attempt_count + 1 : invoice.attempt_count;
  const next = retried ? afterFailure(attemptCount, work.now, work.settings) : null;
  const nextAttempt = next?.kind === 'retry' ? next.at : counts ? null : invoice.next_payment_attempt;
  const changes = {
    attempt_count: attemptCount,
    attempted: true,
    next_payment_attempt: nextAttempt,
    ...(next?.kind === 'exhausted' ? { auto_advance: false } : {}),
  };
  const tried = work.update(invoice, changes, 'invoice.updated');
  if (next?.kind === 'retry') work.tasks.schedule(COLLECT_TASK, invoice.id, next.at);
  if (needsAction) work.emit('invoice.payment_action_required', tried);
  work.emit('invoice.payment_failed', tried);
  if (!charged || subscription?.status === 'incomplete') return tried;
  if (subscription !== undefined && isForPending(work, subscription, invoice)) return tried;
  setDelinquent(work, invoice.customer, true);
  if (subscription === undefined || isEnded(subscription)) return tried;
  let current = subscription;
  if (subscription.status === 'active' || subscription.status === 'trialing') {
    current = work.update(subscription, { status: 'past_due' }, 'customer.subscription.updated');
    scheduleSubscription(work, current);
  }
  if (next?.kind === 'exhausted') exhausted(work, current, next.outcome);
  return tried;
}

function conclude(work: Work, invoice: Invoice, attempt: Attempt, outcome: PaymentOutcome): CollectionOutcome {
  switch (outcome.kind) {
    case 'succeeded':
      return paid(work, invoice, outcome.intent);
    case 'declined':
      return {
        kind: 'failed',
        invoice: failed(work, invoice, attempt, false),
        decline: outcome.decline,
        intent: outcome.intent,
        charge: outcome.charge,
      };
    case 'requires_action': {
      // While the customer is present, being asked to authenticate is a step of paying, not a failure.
      const tried = attempt.offSession
        ? failed(work, invoice, attempt, true)
        : work.update(
            invoice,
            { attempt_count: Math.max(1, invoice.attempt_count), attempted: true },
            'invoice.updated',
          );
      if (!attempt.offSession) work.emit('invoice.payment_action_required', tried);
      return { kind: 'requires_action', invoice: tried, intent: outcome.intent };
    }
  }
}

const NO_PAYMENT_METHOD: Decline = {
  code: 'resource_missing',
  declineCode: 'resource_missing',
  message:
    'There is no default payment method set on this customer or subscription. Please set a default payment method.',
};

/** Tries to collect an open invoice once, with everything that follows for the invoice and its subscription. */
export function collectInvoice(work: Work, invoice: Invoice, attempt: Attempt): CollectionOutcome {
  const intent = intentOf(work, invoice.id);
  if (intent === undefined) throw new Error(`Invoice ${invoice.id} has nothing to collect with`);
  const paymentMethod = attempt.paymentMethod ?? payingMethod(work, invoice);
  if (paymentMethod === undefined) {
    if (!attempt.automatic) throw noSuch('PaymentMethod', 'default', 'payment_method');
    return {
      kind: 'failed',
      invoice: failed(work, invoice, attempt, false),
      decline: NO_PAYMENT_METHOD,
      intent,
      charge: null,
    };
  }
  return conclude(work, invoice, attempt, confirmPaymentIntent(work, intent, paymentMethod, attempt));
}

/**
 * Confirms an intent on behalf of the customer (the SDK's `paymentIntents.confirm`, or answering the bank's 3-D Secure
 * question). Where it collects an invoice, the invoice and the subscription follow.
 */
export function confirmByCustomer(
  work: Work,
  intent: PaymentIntent,
  paymentMethod: PaymentMethod,
  how: { offSession: boolean; authentication: Authentication | null; returnUrl: string | null },
): PaymentOutcome {
  const outcome = confirmPaymentIntent(work, intent, paymentMethod, how);
  const invoice = invoiceOfIntent(work, intent.id);
  if (invoice !== undefined) {
    const attempt = { automatic: false, offSession: false, authentication: how.authentication };
    conclude(work, invoice, attempt, outcome);
  }
  return outcome;
}

/** Answers the bank's question for an intent that waits for it. Returns the intent as it is afterwards. */
export function answerAuthentication(work: Work, intent: PaymentIntent, authentication: Authentication): PaymentIntent {
  const paymentMethod = work.get('payment_method', intent.payment_method ?? '');
  confirmByCustomer(work, intent, paymentMethod, { offSession: false, authentication, returnUrl: null });
  return work.get('payment_intent', intent.id);
}
