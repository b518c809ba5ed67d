import { newId, randomText } from '../ids.ts';
import type { Charge, ChargedCard, Outcome, ThreeDSecureResult } from '../objects/charge.ts';
import type { PaymentIntent } from '../objects/payment-intent.ts';
import type { PaymentMethod } from '../objects/payment-method.ts';
import type { Work } from '../work.ts';
import type { Decline } from './test-cards.ts';

function outcomeOf(decline: Decline | null): Outcome {
  const approved = decline === null;
  return {
    advice_code: approved ? null : 'try_again_later',
    network_advice_code: null,
    network_decline_code: approved ? null : '01',
    network_status: approved ? 'approved_by_network' : 'declined_by_network',
    reason: approved ? null : decline.declineCode,
    risk_level: 'normal',
    risk_score: 12,
    seller_message: approved ? 'Payment complete.' : 'The bank did not return any further details with this decline.',
    type: approved ? 'authorized' : 'issuer_declined',
  };
}

function chargedCard(
  paymentMethod: PaymentMethod,
  amount: number,
  approved: boolean,
  threeDSecure: ThreeDSecureResult | null,
): ChargedCard {
  const { card } = paymentMethod;
  return {
    amount_authorized: approved ? amount : null,
    authorization_code: approved ? randomText(6).toUpperCase() : null,
    brand: card.brand,
    checks: { ...card.checks, cvc_check: approved ? 'pass' : card.checks.cvc_check },
    country: card.country,
    electronic_commerce_indicator: null,
    exp_month: card.exp_month,
    exp_year: card.exp_year,
    extended_authorization: { status: 'disabled' },
    fingerprint: card.fingerprint,
    funding: card.funding,
    incremental_authorization: { status: 'unavailable' },
    installments: null,
    last4: card.last4,
    mandate: null,
    multicapture: { status: 'unavailable' },
    network: card.brand,
    network_token: { used: false },
    network_transaction_id: approved ? randomText(15) : null,
    overcapture: { maximum_amount_capturable: approved ? amount : 0, status: 'unavailable' },
    regulated_status: card.regulated_status,
    three_d_secure: threeDSecure,
    transaction_link_id: null,
    wallet: null,
  };
}

/** The attempt to charge a card, which the bank has approved or declined. It is not stored yet. */
export function newCharge(
  work: Work,
  intent: PaymentIntent,
  paymentMethod: PaymentMethod,
  decline: Decline | null,
  threeDSecure: ThreeDSecureResult | null,
): Charge {
  const approved = decline === null;
  const id = newId('ch_');
  return {
    id,
    object: 'charge',
    amount: intent.amount,
    amount_captured: approved ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: approved ? newId('txn_') : null,
    billing_details: paymentMethod.billing_details,
    calculated_statement_descriptor: 'LOCAL STRIPE',
    captured: approved,
    created: work.now,
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: outcomeOf(decline),
    paid: approved,
    payment_intent: intent.id,
    payment_method: paymentMethod.id,
    payment_method_details: { card: chargedCard(paymentMethod, intent.amount, approved, threeDSecure), type: 'card' },
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: approved ? `${work.settings.publicUrl}/receipts/${id}` : null,
    refunded: false,
    review: null,
    shipping: intent.shipping,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: approved ? 'succeeded' : 'failed',
    transfer_data: null,
    transfer_group: null,
  };
}
