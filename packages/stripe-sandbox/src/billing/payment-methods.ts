import { createHash } from 'node:crypto';
import { ApiError, noSuch } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { JsonObject } from '../json.ts';
import { isObject } from '../json.ts';
import { type BillingDetails, NO_BILLING_DETAILS } from '../objects/parts.ts';
import type { PaymentMethod } from '../objects/payment-method.ts';
import type { Work } from '../work.ts';
import { type Decline, declineOf, TEST_CARDS, type TestCard, testCardById } from './test-cards.ts';

/** What the sandbox knows of a payment method beyond what Stripe shows: the test card behind it. */
type Secret = { number: string; authenticated: boolean };

/** A fresh payment method of a test card. It belongs to nobody yet and makes no event until it is attached. */
export function createPaymentMethod(
  work: Work,
  card: TestCard,
  details: { billing?: Partial<BillingDetails>; expMonth?: number; expYear?: number } = {},
): PaymentMethod {
  const paymentMethod: PaymentMethod = {
    id: newId('pm_'),
    object: 'payment_method',
    allow_redisplay: 'unspecified',
    billing_details: { ...NO_BILLING_DETAILS, ...details.billing },
    card: {
      brand: card.brand,
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'unchecked' },
      country: 'US',
      display_brand: card.brand,
      exp_month: details.expMonth ?? 12,
      exp_year: details.expYear ?? new Date(work.nowMs).getUTCFullYear() + 4,
      fingerprint: createHash('sha256').update(card.number).digest('base64url').replace(/[-_]/g, 'x').slice(0, 16),
      funding: card.funding,
      generated_from: null,
      last4: card.number.slice(-4),
      networks: { available: [card.brand], preferred: null },
      regulated_status: 'unregulated',
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created: work.now,
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: 'card',
  };
  const secret: Secret = { number: card.number, authenticated: false };
  return work.insert(paymentMethod, null, secret);
}

/** The payment method an id names: a stored one, or a fresh one when it is the id of a test card. */
export function resolvePaymentMethod(work: Work, id: string, param: string): PaymentMethod {
  const card = testCardById(id);
  if (card !== undefined) return createPaymentMethod(work, card);
  const found = work.find('payment_method', id);
  if (found === undefined) throw noSuch('PaymentMethod', id, param);
  return found;
}

function secretOf(work: Work, id: string): Secret {
  const hidden = work.hidden(id);
  if (!isObject(hidden) || typeof hidden.number !== 'string') throw new Error(`The state has no card for ${id}`);
  return { number: hidden.number, authenticated: hidden.authenticated === true };
}

function cardBehind(secret: Secret): TestCard {
  const card = TEST_CARDS.find((candidate) => candidate.number === secret.number);
  if (card === undefined) throw new Error('The state names a test card this program does not know');
  return card;
}

/** The test card behind a payment method. */
export function testCardOf(work: Work, paymentMethod: PaymentMethod): TestCard {
  return cardBehind(secretOf(work, paymentMethod.id));
}

/** Why a charge of this payment method is refused, if it is. */
export function declineFor(work: Work, paymentMethod: PaymentMethod): Decline | null {
  const { decline } = testCardOf(work, paymentMethod);
  return decline === null ? null : declineOf(decline);
}

/** Whether a payment with it needs the customer to authenticate first. */
export function needsAuthentication(work: Work, paymentMethod: PaymentMethod, offSession: boolean): boolean {
  const secret = secretOf(work, paymentMethod.id);
  switch (cardBehind(secret).authentication) {
    case 'always':
      return true;
    case 'on_session':
      return !offSession;
    case 'until_set_up':
      return !(secret.authenticated && offSession);
    case 'never':
      return false;
  }
}

export function markAuthenticated(work: Work, paymentMethod: PaymentMethod): void {
  work.setHidden(paymentMethod.id, { ...secretOf(work, paymentMethod.id), authenticated: true });
}

export function cardError(
  decline: Decline,
  param: string | null,
  extra: JsonObject = {},
  keepChanges = false,
): ApiError {
  return new ApiError(
    402,
    'card_error',
    decline.message,
    { ...extra, code: decline.code, decline_code: decline.declineCode, ...(param === null ? {} : { param }) },
    keepChanges,
  );
}

/**
 * Attaches a payment method to a customer. Like Stripe, this already asks the bank: a card that declines everything is
 * refused with 402.
 */
export function attachPaymentMethod(work: Work, paymentMethod: PaymentMethod, customer: string): PaymentMethod {
  if (paymentMethod.customer === customer) return paymentMethod;
  if (paymentMethod.customer !== null) {
    throw new ApiError(
      400,
      'invalid_request_error',
      'The payment method you provided has already been attached to a customer.',
      { code: 'payment_method_unexpected_state' },
    );
  }
  const card = testCardOf(work, paymentMethod);
  if (card.decline !== null && !card.attaches) throw cardError(declineOf(card.decline), null);
  const checked = { ...paymentMethod.card, checks: { ...paymentMethod.card.checks, cvc_check: 'pass' } };
  return work.update(paymentMethod, { customer, card: checked }, 'payment_method.attached');
}
