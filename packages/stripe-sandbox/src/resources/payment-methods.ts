import { attachPaymentMethod, createPaymentMethod, resolvePaymentMethod } from '../billing/payment-methods.ts';
import { testCardById, testCardByNumber } from '../billing/test-cards.ts';
import { ApiError, invalidRequest } from '../http/api-error.ts';
import type { BillingDetails } from '../objects/parts.ts';
import type { PaymentMethod } from '../objects/payment-method.ts';
import { given, unset } from '../parameters/given.ts';
import { emptyable, type Infer, integer, metadata, object, oneOf, required, string } from '../parameters/schema.ts';
import { equals, filter } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { ADDRESS, only, toAddress } from './parameters.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const BILLING_FIELDS = {
  address: emptyable(ADDRESS),
  email: emptyable(string()),
  name: emptyable(string()),
  phone: emptyable(string()),
};

const BILLING_DETAILS = object(BILLING_FIELDS, ['tax_id']);

const CARD_TYPE = only(string(), 'card');
const ALLOW_REDISPLAY = oneOf(['always', 'limited', 'unspecified']);

function billing(params: Infer<typeof BILLING_FIELDS> | undefined): Partial<BillingDetails> {
  if (params === undefined) return {};
  return given({
    address: params.address === '' ? null : params.address && toAddress(params.address),
    email: unset(params.email),
    name: unset(params.name),
    phone: unset(params.phone),
  });
}

const CARD_FIELDS = {
  cvc: string({ maxLength: 4 }),
  exp_month: integer({ min: 1, max: 12 }),
  exp_year: integer({ min: 0, max: 9999 }),
  number: string({ maxLength: 30 }),
  token: string(),
};

/** `tok_visa` is the token of the card whose payment method is `pm_card_visa`. */
function testCard(card: Infer<typeof CARD_FIELDS>) {
  const found =
    card.token === undefined
      ? testCardByNumber(card.number ?? '')
      : testCardById(card.token.replace(/^tok_/, 'pm_card_'));
  if (found !== undefined) return found;
  throw new ApiError(
    402,
    'card_error',
    'Your card was declined. Your request was in test mode, but used a card that is not one of the test cards.',
    {
      code: 'card_declined',
      decline_code: 'test_mode_live_card',
      param: card.token === undefined ? 'number' : 'token',
    },
  );
}

/** The kinds of payment method Stripe has besides cards. */
const OTHER_KINDS = (
  'acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact billie bizum blik boleto ' +
  'cashapp crypto custom customer_balance eps fpx giropay grabpay ideal interac_present kakao_pay klarna konbini kr_card ' +
  'link mb_way mobilepay multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco paynow paypal paypay payto pix ' +
  'promptpay revolut_pay samsung_pay satispay scalapay sepa_debit sequra sofort sunbit swish twint upi us_bank_account ' +
  'wechat_pay zip'
).split(' ');

const create = operation({
  method: 'POST',
  route: '/v1/payment_methods',
  params: object(
    {
      type: required(CARD_TYPE),
      allow_redisplay: ALLOW_REDISPLAY,
      billing_details: BILLING_DETAILS,
      card: required(object(CARD_FIELDS, ['networks'])),
      metadata: metadata(),
    },
    ['customer', 'payment_method', 'radar_options', ...OTHER_KINDS],
  ),
  run(work, params) {
    const { card } = params;
    const paymentMethod = createPaymentMethod(work, testCard(card), {
      billing: billing(params.billing_details),
      ...given({ expMonth: card.exp_month, expYear: card.exp_year }),
    });
    const changes = {
      ...given({ allow_redisplay: params.allow_redisplay }),
      metadata: mergeMetadata({}, params.metadata),
    };
    return work.update(paymentMethod, changes, null);
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/payment_methods/{payment_method}',
  params: object({}),
  run: (work, _params, path) => work.require('payment_method', pathValue(path, 'payment_method'), 'id'),
});

const update = operation({
  method: 'POST',
  route: '/v1/payment_methods/{payment_method}',
  params: object(
    {
      allow_redisplay: ALLOW_REDISPLAY,
      billing_details: BILLING_DETAILS,
      card: object({ exp_month: CARD_FIELDS.exp_month, exp_year: CARD_FIELDS.exp_year }, ['networks']),
      metadata: metadata(),
    },
    ['us_bank_account'],
  ),
  run(work, params, path) {
    const paymentMethod = work.require('payment_method', pathValue(path, 'payment_method'), 'id');
    const changes: Partial<PaymentMethod> = {
      ...given({ allow_redisplay: params.allow_redisplay }),
      billing_details: { ...paymentMethod.billing_details, ...billing(params.billing_details) },
      card: { ...paymentMethod.card, ...params.card },
      metadata: mergeMetadata(paymentMethod.metadata, params.metadata),
    };
    return work.update(paymentMethod, changes, paymentMethod.customer === null ? null : 'payment_method.updated');
  },
});

const attach = operation({
  method: 'POST',
  route: '/v1/payment_methods/{payment_method}/attach',
  params: object({ customer: required(string()) }, ['customer_account']),
  run(work, params, path) {
    const customer = work.require('customer', params.customer, 'customer');
    const paymentMethod = resolvePaymentMethod(work, pathValue(path, 'payment_method'), 'id');
    return attachPaymentMethod(work, paymentMethod, customer.id);
  },
});

/** What a detached payment method was the default of has no default any more. */
function forget(work: Work, paymentMethod: PaymentMethod): void {
  if (paymentMethod.customer === null) return;
  const customer = work.find('customer', paymentMethod.customer);
  if (customer?.invoice_settings.default_payment_method === paymentMethod.id) {
    const settings = { ...customer.invoice_settings, default_payment_method: null };
    work.update(customer, { invoice_settings: settings }, 'customer.updated');
  }
  for (const subscription of work.select('subscription', [equals('$.customer', paymentMethod.customer)])) {
    if (subscription.default_payment_method !== paymentMethod.id) continue;
    work.update(subscription, { default_payment_method: null }, 'customer.subscription.updated');
  }
}

/** Takes a payment method from its customer. */
export function detachPaymentMethod(work: Work, paymentMethod: PaymentMethod): PaymentMethod {
  if (paymentMethod.customer === null) {
    throw invalidRequest('The payment method you provided is not attached to a customer so detachment is impossible.', {
      code: 'payment_method_unexpected_state',
    });
  }
  const detached = work.update(paymentMethod, { customer: null }, null);
  work.emit('payment_method.detached', detached, { customer: paymentMethod.customer });
  forget(work, paymentMethod);
  return detached;
}

const detach = operation({
  method: 'POST',
  route: '/v1/payment_methods/{payment_method}/detach',
  params: object({}),
  run: (work, _params, path) =>
    detachPaymentMethod(work, work.require('payment_method', pathValue(path, 'payment_method'), 'id')),
});

const LIST_FILTERS = { allow_redisplay: ALLOW_REDISPLAY, type: CARD_TYPE };

const list = listOperation({
  object: 'payment_method',
  route: '/v1/payment_methods',
  filters: { ...LIST_FILTERS, customer: required(string()) },
  unsupported: ['customer_account'],
  where(params, work) {
    const customer = work.require('customer', params.customer, 'customer');
    return [equals('$.customer', customer.id), ...filter('$.allow_redisplay', params.allow_redisplay)];
  },
});

const listOfCustomer = listOperation({
  object: 'payment_method',
  route: '/v1/customers/{customer}/payment_methods',
  filters: LIST_FILTERS,
  where(params, work, path) {
    const customer = work.require('customer', pathValue(path, 'customer'), 'id');
    return [equals('$.customer', customer.id), ...filter('$.allow_redisplay', params.allow_redisplay)];
  },
});

const retrieveOfCustomer = operation({
  method: 'GET',
  route: '/v1/customers/{customer}/payment_methods/{payment_method}',
  params: object({}),
  run(work, _params, path) {
    const customer = work.require('customer', pathValue(path, 'customer'), 'id');
    const paymentMethod = work.find('payment_method', pathValue(path, 'payment_method'));
    if (paymentMethod?.customer === customer.id) return paymentMethod;
    return work.require('payment_method', `${pathValue(path, 'payment_method')} of ${customer.id}`, 'id');
  },
});

export const paymentMethods: Resource = {
  object: 'payment_method',
  operations: [create, retrieve, update, attach, detach, list, listOfCustomer, retrieveOfCustomer],
  expandable: { customer: 'customer' },
};
