import { invalidRequest } from '../http/api-error.ts';
import { isObject, type Json } from '../json.ts';
import { type CheckoutLine, type CheckoutSession, type CustomerDetails, saleOf } from '../objects/checkout-session.ts';
import { type Customer, newCustomer } from '../objects/customer.ts';
import type { Metadata } from '../objects/parts.ts';
import type { PaymentMethod } from '../objects/payment-method.ts';
import type { Subscription, TrialEndBehavior } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { redeemablesOf } from './checkout-discounts.ts';
import { redeem } from './discounts.ts';
import { attachPaymentMethod, cardError } from './payment-methods.ts';
import { type Authentication, confirmPaymentIntent, createPaymentIntent } from './payments.ts';
import { cancelSetupIntent, confirmSetupIntent } from './setup.ts';
import { startSubscription } from './subscriptions.ts';

/** The task that lets a session run out. */
export const EXPIRE_SESSION_TASK = 'checkout.expire';

/** What a session was made with and does not show. */
export type SessionPlan = {
  lines: CheckoutLine[];
  subscription: {
    metadata: Metadata;
    description: string | null;
    trialPeriodDays: number | null;
    trialEnd: number | null;
    missingPaymentMethod: TrialEndBehavior;
  };
  paymentIntent: {
    metadata: Metadata;
    description: string | null;
    receiptEmail: string | null;
    setupFutureUsage: 'off_session' | 'on_session' | null;
    statementDescriptor: string | null;
    statementDescriptorSuffix: string | null;
  };
};

export function planOfSession(work: Work, session: CheckoutSession): SessionPlan {
  const hidden: Json = work.hidden(session.id);
  if (!isObject(hidden) || !Array.isArray(hidden.lines)) throw new Error(`The state has no plan for ${session.id}`);
  return hidden as unknown as SessionPlan;
}

/** What a person fills in on the page. */
type Buyer = {
  paymentMethod: PaymentMethod;
  email: string | null;
  name: string | null;
  authentication: Authentication;
};

function requireOpen(session: CheckoutSession): void {
  if (session.status === 'open') return;
  throw invalidRequest(
    `Only Checkout Sessions with a status of \`open\` can be used. This session is ${session.status}.`,
    {
      code: 'checkout_session_not_open',
    },
  );
}

function customerFor(work: Work, session: CheckoutSession, buyer: Buyer): Customer | null {
  if (session.customer !== null) {
    const customer = work.require('customer', session.customer, 'customer');
    if (customer.email !== null || buyer.email === null) return customer;
    return work.update(customer, { email: buyer.email }, 'customer.updated');
  }
  const plan = planOfSession(work, session).paymentIntent;
  const optional = session.mode !== 'subscription' && session.customer_creation !== 'always';
  const guest = optional && plan.setupFutureUsage === null;
  if (guest) return null;
  const members = { email: buyer.email ?? session.customer_email, name: buyer.name };
  return work.insert(newCustomer(work.now, members), 'customer.created');
}

type Completion = Pick<CheckoutSession, 'payment_status'> & Partial<CheckoutSession>;

const DAY_SECONDS = 86_400;

function taxOf({ automatic_tax: { enabled, liability } }: CheckoutSession): Pick<Subscription, 'automatic_tax'> {
  return { automatic_tax: { disabled_reason: null, enabled, liability } };
}

function completeSubscription(work: Work, session: CheckoutSession, customer: Customer, buyer: Buyer): Completion {
  const plan = planOfSession(work, session);
  const { trialPeriodDays, trialEnd, metadata, description, missingPaymentMethod } = plan.subscription;
  const paymentMethod = attachPaymentMethod(work, buyer.paymentMethod, customer.id);
  const sold = plan.lines.map((line) => ({
    price: work.get('price', line.price.id),
    quantity: line.quantity ?? 0,
    metadata: {},
  }));
  const subscription = startSubscription(work, {
    customer: customer.id,
    items: sold.filter((one) => one.price.recurring !== null),
    extras: sold.filter((one) => one.price.recurring === null),
    members: { ...taxOf(session), metadata, description, default_payment_method: paymentMethod.id },
    discounts: redeemablesOf(work, session),
    trialEnd: trialEnd ?? (trialPeriodDays === null ? null : work.now + trialPeriodDays * DAY_SECONDS),
    missingPaymentMethod,
    behavior: 'error_if_incomplete',
    offSession: false,
    authentication: buyer.authentication,
  });
  return {
    invoice: subscription.latest_invoice,
    subscription: subscription.id,
    payment_status: session.amount_total === 0 ? 'no_payment_required' : 'paid',
  };
}

/** A decline is kept on the session's intent, which the next attempt uses again. */
function completePayment(work: Work, session: CheckoutSession, customer: Customer | null, buyer: Buyer): Completion {
  for (const one of redeemablesOf(work, session)) {
    const owner = { checkout_session: session.id, customer: customer?.id ?? null, invoice: null, subscription: null };
    redeem(work, one, owner);
  }
  if (session.amount_total === 0) return { payment_status: 'no_payment_required' };
  const sale = saleOf(session);
  const plan = planOfSession(work, session).paymentIntent;
  const existing = session.payment_intent === null ? undefined : work.find('payment_intent', session.payment_intent);
  const intent =
    existing ??
    createPaymentIntent(work, {
      amount: sale.total,
      currency: sale.currency,
      customer: customer?.id ?? null,
      description: plan.description,
      metadata: plan.metadata,
      receipt_email: plan.receiptEmail,
      setup_future_usage: plan.setupFutureUsage,
      statement_descriptor: plan.statementDescriptor,
      statement_descriptor_suffix: plan.statementDescriptorSuffix,
    });
  const outcome = confirmPaymentIntent(work, intent, buyer.paymentMethod, {
    offSession: false,
    authentication: buyer.authentication,
  });
  if (outcome.kind === 'requires_action') throw new Error('A buyer on the page has already answered the bank');
  if (outcome.kind === 'declined') {
    work.update(session, { payment_intent: intent.id }, null);
    const details = { payment_intent: outcome.intent, ...(outcome.charge === null ? {} : { charge: outcome.charge }) };
    throw cardError(outcome.decline, null, details, true);
  }
  if (customer !== null && plan.setupFutureUsage !== null) attachPaymentMethod(work, buyer.paymentMethod, customer.id);
  return { payment_intent: intent.id, payment_status: 'paid' };
}

/** Saves the card. The bank's refusal is kept on the session's intent, which the next attempt uses again. */
function completeSetup(work: Work, session: CheckoutSession, customer: Customer | null, buyer: Buyer): Completion {
  const found = work.get('setup_intent', session.setup_intent ?? '');
  const intent = work.update(found, { customer: customer?.id ?? null }, null);
  const outcome = confirmSetupIntent(work, intent, buyer.paymentMethod, { authentication: buyer.authentication });
  if (outcome.kind === 'requires_action') throw new Error('A buyer on the page has already answered the bank');
  if (outcome.kind === 'declined') throw cardError(outcome.decline, null, { setup_intent: outcome.intent }, true);
  return { payment_status: 'no_payment_required' };
}

function detailsOf(session: CheckoutSession, customer: Customer | null, buyer: Buyer): CustomerDetails {
  return {
    address: buyer.paymentMethod.billing_details.address,
    business_name: null,
    email: customer?.email ?? buyer.email ?? session.customer_email,
    individual_name: null,
    name: buyer.name ?? customer?.name ?? null,
    phone: null,
    tax_exempt: customer?.tax_exempt ?? 'none',
    tax_ids: [],
  };
}

/**
 * Pays an open session, as a person on its page does: makes the customer where there is none, takes the payment, starts
 * the subscription, and completes the session. A declined card throws Stripe's card error and leaves the session open.
 */
export function completeSession(work: Work, session: CheckoutSession, buyer: Buyer): CheckoutSession {
  requireOpen(session);
  if (buyer.email === null && session.customer_email === null && session.customer === null) {
    throw invalidRequest('An e-mail address is needed to complete this Checkout Session.', {
      code: 'parameter_missing',
      param: 'email',
    });
  }
  const customer = customerFor(work, session, buyer);
  let completion: Completion;
  if (session.mode === 'payment') completion = completePayment(work, session, customer, buyer);
  else if (session.mode === 'setup') completion = completeSetup(work, session, customer, buyer);
  else if (customer === null) throw new Error('A subscription always has a customer');
  else completion = completeSubscription(work, session, customer, buyer);
  work.tasks.cancel(EXPIRE_SESSION_TASK, session.id);
  return work.update(
    session,
    {
      ...completion,
      automatic_tax: { ...session.automatic_tax, status: session.automatic_tax.enabled ? 'complete' : null },
      collected_information: { business_name: null, individual_name: null, shipping_details: null },
      customer: customer?.id ?? null,
      customer_details: detailsOf(session, customer, buyer),
      status: 'complete',
      url: null,
    },
    'checkout.session.completed',
  );
}

/** Ends an open session without a payment. */
export function expireSession(work: Work, session: CheckoutSession): CheckoutSession {
  requireOpen(session);
  work.tasks.cancel(EXPIRE_SESSION_TASK, session.id);
  if (session.setup_intent !== null) cancelSetupIntent(work, work.get('setup_intent', session.setup_intent), null);
  return work.update(session, { status: 'expired', url: null }, 'checkout.session.expired');
}

function expireDue(work: Work, id: string): void {
  const session = work.get('checkout.session', id);
  if (session.status === 'open') expireSession(work, session);
}

export const CHECKOUT_TASKS: Readonly<Record<string, (work: Work, subject: string) => void>> = {
  [EXPIRE_SESSION_TASK]: expireDue,
};
