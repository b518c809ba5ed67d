/** Stripe's published test cards: what they are, and what happens when they are used. */

import type { DisputeReason } from '../objects/dispute.ts';

export type Decline = { code: string; declineCode: string; message: string };

const DECLINES = {
  generic: { code: 'card_declined', declineCode: 'generic_decline', message: 'Your card was declined.' },
  insufficientFunds: {
    code: 'card_declined',
    declineCode: 'insufficient_funds',
    message: 'Your card has insufficient funds.',
  },
  lost: { code: 'card_declined', declineCode: 'lost_card', message: 'Your card was declined.' },
  stolen: { code: 'card_declined', declineCode: 'stolen_card', message: 'Your card was declined.' },
  fraudulent: { code: 'card_declined', declineCode: 'fraudulent', message: 'Your card was declined.' },
  expired: { code: 'expired_card', declineCode: 'expired_card', message: 'Your card has expired.' },
  incorrectCvc: {
    code: 'incorrect_cvc',
    declineCode: 'incorrect_cvc',
    message: "Your card's security code is incorrect.",
  },
  processing: {
    code: 'processing_error',
    declineCode: 'processing_error',
    message: 'An error occurred while processing your card. Try again in a little bit.',
  },
} as const satisfies Record<string, Decline>;

type DeclineName = keyof typeof DECLINES;

export function declineOf(name: DeclineName): Decline {
  return DECLINES[name];
}

/**
 * What a card does:
 * - `decline` on attaching it to a customer and on every charge; with `attaches` on charges only
 * - `authentication`: `always` asks for 3-D Secure on every payment, `on_session` only while the customer is present,
 *   `until_set_up` until it has been authenticated once
 * - `dispute` a moment after each charge, or an inquiry about it
 * - `refund`: `pending` for a while and then successful, or successful at first and sent back after a while
 */
type CardBehavior = {
  decline: DeclineName | null;
  attaches: boolean;
  authentication: 'always' | 'never' | 'on_session' | 'until_set_up';
  dispute: { reason: DisputeReason; inquiry: boolean } | null;
  refund: 'fails' | 'pending' | 'succeeds';
};

export type TestCard = CardBehavior & {
  number: string;
  brand: 'amex' | 'discover' | 'mastercard' | 'visa';
  funding: 'credit' | 'debit' | 'prepaid';
  ids: readonly string[];
};

const GOOD: CardBehavior = {
  decline: null,
  attaches: true,
  authentication: 'never',
  dispute: null,
  refund: 'succeeds',
};

function card(
  number: string,
  ids: readonly string[],
  behavior: Partial<CardBehavior & Pick<TestCard, 'brand' | 'funding'>> = {},
): TestCard {
  return { ...GOOD, brand: 'visa', funding: 'credit', number, ids, ...behavior };
}

function declining(number: string, ids: readonly string[], decline: DeclineName): TestCard {
  return card(number, ids, { decline, attaches: false });
}

export const TEST_CARDS: readonly TestCard[] = [
  card('4242424242424242', ['pm_card_visa', 'pm_card_us']),
  card('4000056655665556', ['pm_card_visa_debit'], { funding: 'debit' }),
  card('5555555555554444', ['pm_card_mastercard'], { brand: 'mastercard' }),
  card('378282246310005', ['pm_card_amex'], { brand: 'amex' }),
  card('6011111111111117', ['pm_card_discover'], { brand: 'discover' }),
  declining('4000000000000002', ['pm_card_chargeDeclined', 'pm_card_visa_chargeDeclined'], 'generic'),
  declining(
    '4000000000009995',
    ['pm_card_chargeDeclinedInsufficientFunds', 'pm_card_visa_chargeDeclinedInsufficientFunds'],
    'insufficientFunds',
  ),
  declining('4000000000009987', ['pm_card_chargeDeclinedLostCard', 'pm_card_visa_chargeDeclinedLostCard'], 'lost'),
  declining(
    '4000000000009979',
    ['pm_card_chargeDeclinedStolenCard', 'pm_card_visa_chargeDeclinedStolenCard'],
    'stolen',
  ),
  declining(
    '4000000000000069',
    ['pm_card_chargeDeclinedExpiredCard', 'pm_card_visa_chargeDeclinedExpiredCard'],
    'expired',
  ),
  declining(
    '4000000000000127',
    ['pm_card_chargeDeclinedIncorrectCvc', 'pm_card_visa_chargeDeclinedIncorrectCvc'],
    'incorrectCvc',
  ),
  declining(
    '4000000000000119',
    ['pm_card_chargeDeclinedProcessingError', 'pm_card_visa_chargeDeclinedProcessingError'],
    'processing',
  ),
  declining('4100000000000019', ['pm_card_chargeDeclinedFraudulent', 'pm_card_radarBlock'], 'fraudulent'),
  card('4000000000000341', ['pm_card_chargeCustomerFail', 'pm_card_visa_chargeCustomerFail'], { decline: 'generic' }),
  card('4000002760003184', ['pm_card_authenticationRequired'], { authentication: 'always' }),
  card('4000002500003155', ['pm_card_authenticationRequiredOnSetup'], { authentication: 'until_set_up' }),
  card('4000000000003220', ['pm_card_threeDSecure2Required', 'pm_card_threeDSecureRequired'], {
    authentication: 'on_session',
  }),
  card('4000000000000259', ['pm_card_createDispute'], { dispute: { reason: 'fraudulent', inquiry: false } }),
  card('4000000000002685', ['pm_card_createDisputeProductNotReceived'], {
    dispute: { reason: 'product_not_received', inquiry: false },
  }),
  card('4000000000001976', ['pm_card_createDisputeInquiry'], { dispute: { reason: 'fraudulent', inquiry: true } }),
  card('4000000000007726', ['pm_card_pendingRefund'], { refund: 'pending' }),
  card('4000000000005126', ['pm_card_refundFail'], { refund: 'fails' }),
];

export function testCardById(id: string): TestCard | undefined {
  return TEST_CARDS.find((candidate) => candidate.ids.includes(id));
}

export function testCardByNumber(number: string): TestCard | undefined {
  const digits = number.replace(/[\s-]/g, '');
  return TEST_CARDS.find((candidate) => candidate.number === digits);
}
