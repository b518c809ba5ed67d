import { newId, randomText } from '../ids.ts';
import type { ThreeDSecureResult } from '../objects/charge.ts';
import type { NextAction, PaymentError, PaymentIntent } from '../objects/payment-intent.ts';
import type { PaymentMethod } from '../objects/payment-method.ts';
import type { Work } from '../work.ts';
import { newCharge } from './charges.ts';
import { planDispute } from './disputes.ts';
import { declineFor, markAuthenticated, needsAuthentication } from './payment-methods.ts';
import type { Decline } from './test-cards.ts';

/** How the customer answers when the bank asks them to authenticate. */
export type Authentication = 'fail' | 'success';

export type PaymentOutcome =
  | { kind: 'succeeded'; intent: PaymentIntent }
  | { kind: 'requires_action'; intent: PaymentIntent }
  | { kind: 'declined'; intent: PaymentIntent; decline: Decline; charge: string | null };

const AUTHENTICATION_FAILED: Decline = {
  code: 'payment_intent_authentication_failure',
  declineCode: 'authentication_required',
  message: 'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
};

/** A new intent that waits for a payment method. */
export function createPaymentIntent(
  work: Work,
  members: Pick<PaymentIntent, 'amount' | 'currency'> & Partial<PaymentIntent>,
): PaymentIntent {
  const id = newId('pi_');
  const intent: PaymentIntent = {
    id,
    object: 'payment_intent',
    allowed_payment_method_types: null,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic',
    client_secret: `${id}_secret_${randomText(25)}`,
    confirmation_method: 'automatic',
    created: work.now,
    customer: null,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: {
      card: { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' },
    },
    payment_method_types: ['card'],
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'requires_payment_method',
    transfer_data: null,
    transfer_group: null,
    ...members,
  };
  return work.insert(intent, 'payment_intent.created');
}

/** The error a declined intent keeps, and its caller is answered with. */
export function errorOfDecline(decline: Decline, paymentMethod: PaymentMethod, charge: string | null): PaymentError {
  const authentication = decline.code.endsWith('_intent_authentication_failure');
  return {
    ...(authentication ? {} : { advice_code: 'try_again_later', decline_code: decline.declineCode }),
    ...(charge === null ? {} : { charge }),
    code: decline.code,
    doc_url: `https://stripe.com/docs/error-codes/${decline.code.replaceAll('_', '-')}`,
    message: decline.message,
    ...(authentication ? {} : { network_decline_code: '01' }),
    payment_method: paymentMethod,
    type: authentication ? 'invalid_request_error' : 'card_error',
  };
}

/** Where the customer answers their bank. */
export function nextAction(
  work: Work,
  intent: Pick<PaymentIntent, 'client_secret'>,
  returnUrl: string | null,
): NextAction {
  const url = `${work.settings.publicUrl}/authenticate/${intent.client_secret}`;
  if (returnUrl !== null) return { type: 'redirect_to_url', redirect_to_url: { return_url: returnUrl, url } };
  return { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect', stripe_js: url } };
}

function declined(
  work: Work,
  intent: PaymentIntent,
  paymentMethod: PaymentMethod,
  decline: Decline,
  threeDSecure: ThreeDSecureResult | null,
): PaymentOutcome {
  const reachedTheBank = decline !== AUTHENTICATION_FAILED;
  const charge = reachedTheBank
    ? work.insert(newCharge(work, intent, paymentMethod, decline, threeDSecure), 'charge.failed').id
    : null;
  const failed = work.update(
    intent,
    {
      last_payment_error: errorOfDecline(decline, paymentMethod, charge),
      latest_charge: charge ?? intent.latest_charge,
      next_action: null,
      payment_method: null,
      status: 'requires_payment_method',
    },
    'payment_intent.payment_failed',
  );
  return { kind: 'declined', intent: failed, decline, charge };
}

/** How the bank's question went. */
export const THREE_D_SECURE = (result: ThreeDSecureResult['result']): ThreeDSecureResult => ({
  authentication_flow: 'challenge',
  electronic_commerce_indicator: result === 'authenticated' ? '05' : null,
  exemption_indicator: null,
  result,
  result_reason: null,
  transaction_id: randomText(36),
  version: '2.2.0',
});

/**
 * Tries to take the payment with this payment method. Where the card asks for 3-D Secure the outcome depends on
 * `authentication`: what the customer has answered, or null while they have not been asked.
 */
export function confirmPaymentIntent(
  work: Work,
  intent: PaymentIntent,
  paymentMethod: PaymentMethod,
  how: { offSession: boolean; authentication: Authentication | null; returnUrl?: string | null },
): PaymentOutcome {
  let threeDSecure: ThreeDSecureResult | null = null;
  if (needsAuthentication(work, paymentMethod, how.offSession)) {
    if (how.authentication === null) {
      const waiting = work.update(
        intent,
        {
          last_payment_error: null,
          next_action: nextAction(work, intent, how.returnUrl ?? null),
          payment_method: paymentMethod.id,
          status: 'requires_action',
        },
        'payment_intent.requires_action',
      );
      return { kind: 'requires_action', intent: waiting };
    }
    if (how.authentication === 'fail') {
      return declined(work, intent, paymentMethod, AUTHENTICATION_FAILED, THREE_D_SECURE('failed'));
    }
    markAuthenticated(work, paymentMethod);
    threeDSecure = THREE_D_SECURE('authenticated');
  }
  const decline = declineFor(work, paymentMethod);
  if (decline !== null) return declined(work, intent, paymentMethod, decline, threeDSecure);
  const charge = work.insert(newCharge(work, intent, paymentMethod, null, threeDSecure), 'charge.succeeded');
  const succeeded = work.update(
    intent,
    {
      amount_received: intent.amount,
      last_payment_error: null,
      latest_charge: charge.id,
      next_action: null,
      payment_method: paymentMethod.id,
      status: 'succeeded',
    },
    'payment_intent.succeeded',
  );
  planDispute(work, charge, paymentMethod);
  return { kind: 'succeeded', intent: succeeded };
}
