import { invalidRequest } from '../http/api-error.ts';
import { newId, randomText } from '../ids.ts';
import type { PaymentError } from '../objects/payment-intent.ts';
import type { PaymentMethod } from '../objects/payment-method.ts';
import type { SetupAttempt, SetupCancellationReason, SetupIntent } from '../objects/setup-intent.ts';
import type { Work } from '../work.ts';
import { attachPaymentMethod, markAuthenticated, needsAuthentication, testCardOf } from './payment-methods.ts';
import { type Authentication, errorOfDecline, nextAction, THREE_D_SECURE } from './payments.ts';
import { type Decline, declineOf } from './test-cards.ts';

type SetupOutcome =
  | { kind: 'succeeded'; intent: SetupIntent }
  | { kind: 'requires_action'; intent: SetupIntent }
  | { kind: 'declined'; intent: SetupIntent; decline: Decline };

type ThreeDSecure = SetupAttempt['payment_method_details']['card']['three_d_secure'];

const AUTHENTICATION_FAILED: Decline = {
  code: 'setup_intent_authentication_failure',
  declineCode: 'authentication_required',
  message: 'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
};

/** A new intent that waits for a payment method, unless `members` name one. */
export function createSetupIntent(work: Work, members: Partial<SetupIntent>): SetupIntent {
  const id = newId('seti_');
  const intent: SetupIntent = {
    id,
    object: 'setup_intent',
    allowed_payment_method_types: null,
    application: null,
    automatic_payment_methods: null,
    cancellation_reason: null,
    client_secret: `${id}_secret_${randomText(25)}`,
    created: work.now,
    customer: null,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    flow_directions: null,
    last_setup_error: null,
    latest_attempt: null,
    livemode: false,
    managed_payments: null,
    mandate: null,
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: { card: { mandate_options: null, network: null, request_three_d_secure: 'automatic' } },
    payment_method_types: ['card'],
    single_use_mandate: null,
    status: 'requires_payment_method',
    usage: 'off_session',
    ...members,
  };
  return work.insert(intent, 'setup_intent.created');
}

type Attempted = { status: SetupAttempt['status']; threeDSecure: ThreeDSecure; error: PaymentError | null };

/** Writes down how the attempt went: the one that waited for the bank, or else a new one. */
function writeAttempt(work: Work, intent: SetupIntent, paymentMethod: PaymentMethod, how: Attempted): string {
  const { brand, checks, country, exp_month, exp_year, fingerprint, funding, last4 } = paymentMethod.card;
  const shown = { brand, checks, country, exp_month, exp_year, fingerprint, funding, last4 };
  const card = { ...shown, network: brand, three_d_secure: how.threeDSecure, wallet: null };
  const outcome: Pick<SetupAttempt, 'payment_method_details' | 'setup_error' | 'status'> = {
    payment_method_details: { card, type: 'card' },
    setup_error: how.error,
    status: how.status,
  };
  const waiting = intent.latest_attempt === null ? undefined : work.find('setup_attempt', intent.latest_attempt);
  if (waiting?.status === 'requires_action') return work.update(waiting, outcome, null).id;
  const attempt: SetupAttempt = {
    id: newId('setatt_'),
    object: 'setup_attempt',
    application: null,
    created: work.now,
    customer: intent.customer,
    customer_account: null,
    flow_directions: null,
    livemode: false,
    on_behalf_of: null,
    payment_method: paymentMethod.id,
    setup_intent: intent.id,
    usage: intent.usage,
    ...outcome,
  };
  return work.insert(attempt, null).id;
}

function abandonAttempt(work: Work, intent: SetupIntent): void {
  const latest = intent.latest_attempt === null ? undefined : work.find('setup_attempt', intent.latest_attempt);
  if (latest?.status === 'requires_action') work.update(latest, { status: 'abandoned' }, null);
}

function declined(
  work: Work,
  intent: SetupIntent,
  paymentMethod: PaymentMethod,
  decline: Decline,
  threeDSecure: ThreeDSecure,
): SetupOutcome {
  const error = errorOfDecline(decline, paymentMethod, null);
  const attempt = writeAttempt(work, intent, paymentMethod, { status: 'failed', threeDSecure, error });
  const failed = work.update(
    intent,
    {
      last_setup_error: error,
      latest_attempt: attempt,
      next_action: null,
      payment_method: null,
      status: 'requires_payment_method',
    },
    'setup_intent.setup_failed',
  );
  return { kind: 'declined', intent: failed, decline };
}

function authenticated(result: 'authenticated' | 'failed'): ThreeDSecure {
  const { exemption_indicator: _exemption, ...shown } = THREE_D_SECURE(result);
  return shown;
}

/** Asks the customer's bank by way of the customer. */
function waitForCustomer(
  work: Work,
  intent: SetupIntent,
  paymentMethod: PaymentMethod,
  returnUrl: string | null,
): SetupOutcome {
  const asked: Attempted = { status: 'requires_action', threeDSecure: null, error: null };
  const waiting = work.update(
    intent,
    {
      last_setup_error: null,
      latest_attempt: writeAttempt(work, intent, paymentMethod, asked),
      next_action: nextAction(work, intent, returnUrl),
      payment_method: paymentMethod.id,
      status: 'requires_action',
    },
    'setup_intent.requires_action',
  );
  return { kind: 'requires_action', intent: waiting };
}

/** A payment method of one customer is not set up for another, nor for nobody. */
function requireUsable({ customer }: SetupIntent, paymentMethod: PaymentMethod): void {
  if (paymentMethod.customer === null || paymentMethod.customer === customer) return;
  throw invalidRequest(
    'The payment method supplied belongs to a customer. Name that customer in the `customer` of this SetupIntent.',
    { code: 'payment_method_unexpected_state', param: 'payment_method' },
  );
}

/**
 * Tries to take the payment method down for later. The customer is present, so a card that knows 3-D Secure asks for it:
 * `authentication` is what they have answered, or null while they have not been asked. What succeeds is attached to the
 * intent's customer.
 */
export function confirmSetupIntent(
  work: Work,
  found: SetupIntent,
  paymentMethod: PaymentMethod,
  how: { authentication: Authentication | null; returnUrl?: string | null },
): SetupOutcome {
  requireUsable(found, paymentMethod);
  // A confirmation that answers nothing begins anew: whatever the bank was asked before is left behind.
  if (how.authentication === null) abandonAttempt(work, found);
  let threeDSecure: ThreeDSecure = null;
  if (needsAuthentication(work, paymentMethod, false)) {
    if (how.authentication === null) return waitForCustomer(work, found, paymentMethod, how.returnUrl ?? null);
    if (how.authentication === 'fail') {
      return declined(work, found, paymentMethod, AUTHENTICATION_FAILED, authenticated('failed'));
    }
    markAuthenticated(work, paymentMethod);
    threeDSecure = authenticated('authenticated');
  }
  const card = testCardOf(work, paymentMethod);
  if (card.decline !== null && !card.attaches) {
    return declined(work, found, paymentMethod, declineOf(card.decline), threeDSecure);
  }
  const saved = found.customer === null ? paymentMethod : attachPaymentMethod(work, paymentMethod, found.customer);
  const succeeded = work.update(
    found,
    {
      last_setup_error: null,
      latest_attempt: writeAttempt(work, found, saved, { status: 'succeeded', threeDSecure, error: null }),
      next_action: null,
      payment_method: saved.id,
      status: 'succeeded',
    },
    'setup_intent.succeeded',
  );
  return { kind: 'succeeded', intent: succeeded };
}

/** The customer's answer to their bank, for an intent that waits for it. */
export function answerSetupAuthentication(
  work: Work,
  intent: SetupIntent,
  authentication: Authentication,
): SetupIntent {
  const paymentMethod = work.get('payment_method', intent.payment_method ?? '');
  return confirmSetupIntent(work, intent, paymentMethod, { authentication }).intent;
}

export function cancelSetupIntent(
  work: Work,
  intent: SetupIntent,
  reason: SetupCancellationReason | null,
): SetupIntent {
  abandonAttempt(work, intent);
  return work.update(
    intent,
    { cancellation_reason: reason, next_action: null, status: 'canceled' },
    'setup_intent.canceled',
  );
}
