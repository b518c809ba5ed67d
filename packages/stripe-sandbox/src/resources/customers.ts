import { moveBalance } from '../billing/balance.ts';
import { deleteCustomer } from '../billing/customers.ts';
import { attachPaymentMethod, resolvePaymentMethod } from '../billing/payment-methods.ts';
import { requireRoomForCustomer } from '../billing/test-clocks.ts';
import { invalidRequest } from '../http/api-error.ts';
import { embeddedList, type JsonObject } from '../json.ts';
import { type Customer, newCustomer } from '../objects/customer.ts';
import { isEnded } from '../objects/subscription.ts';
import { given, unset } from '../parameters/given.ts';
import {
  array,
  emptyable,
  type Infer,
  integer,
  metadata,
  object,
  oneOf,
  required,
  string,
} from '../parameters/schema.ts';
import { equals, filter } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation, onTestClock } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { ADDRESS, SHIPPING, toAddress, toShipping } from './parameters.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const INVOICE_SETTINGS_FIELDS = {
  custom_fields: emptyable(
    array(object({ name: required(string({ maxLength: 40 })), value: required(string({ maxLength: 140 })) }), {
      max: 4,
    }),
  ),
  default_payment_method: emptyable(string()),
  footer: emptyable(string()),
};

const FIELDS = {
  address: emptyable(ADDRESS),
  business_name: emptyable(string({ maxLength: 150 })),
  description: emptyable(string()),
  email: emptyable(string({ maxLength: 512 })),
  individual_name: emptyable(string({ maxLength: 150 })),
  invoice_prefix: string({ maxLength: 12 }),
  invoice_settings: object(INVOICE_SETTINGS_FIELDS, ['rendering_options']),
  metadata: metadata(),
  name: emptyable(string({ maxLength: 256 })),
  next_invoice_sequence: integer({ min: 1 }),
  phone: emptyable(string({ maxLength: 20 })),
  preferred_locales: emptyable(array(string())),
  shipping: emptyable(SHIPPING),
  tax_exempt: emptyable(oneOf(['exempt', 'none', 'reverse'])),
};

const UNSUPPORTED = ['cash_balance', 'source', 'tax', 'validate'];

/** Stripe shows these two only where they were given. */
function names(params: Infer<typeof FIELDS>): Partial<Customer> {
  return given({
    business_name: params.business_name || undefined,
    individual_name: params.individual_name || undefined,
  });
}

/** The default payment method must be one of the customer's own. */
function defaultPaymentMethod(work: Work, id: string, customer: string): string {
  const paymentMethod = work.require('payment_method', id, 'invoice_settings[default_payment_method]');
  if (paymentMethod.customer !== customer) {
    throw invalidRequest(
      `The customer does not have a payment method with the ID ${id}. The payment method must be attached to the customer.`,
      { code: 'resource_missing', param: 'invoice_settings[default_payment_method]' },
    );
  }
  return id;
}

function invoiceSettings(work: Work, customer: Customer, params: Infer<typeof FIELDS>): Customer['invoice_settings'] {
  const settings = params.invoice_settings;
  if (settings === undefined) return customer.invoice_settings;
  const wanted = settings.default_payment_method;
  return {
    ...customer.invoice_settings,
    ...given({
      custom_fields: unset(settings.custom_fields),
      footer: unset(settings.footer),
      default_payment_method: wanted ? defaultPaymentMethod(work, wanted, customer.id) : unset(wanted),
    }),
  };
}

function changesOf(params: Infer<typeof FIELDS>): Partial<Customer> {
  return {
    ...names(params),
    ...given({
      address: params.address === '' ? null : params.address && toAddress(params.address),
      description: unset(params.description),
      email: unset(params.email),
      invoice_prefix: params.invoice_prefix,
      name: unset(params.name),
      next_invoice_sequence: params.next_invoice_sequence,
      phone: unset(params.phone),
      preferred_locales: params.preferred_locales === '' ? [] : params.preferred_locales,
      shipping: params.shipping === '' ? null : params.shipping && toShipping(params.shipping),
      tax_exempt: params.tax_exempt === '' ? 'none' : params.tax_exempt,
    }),
  };
}

/** A balance that is set is an adjustment by the difference. */
function setBalance(work: Work, id: string, balance: number | undefined): void {
  const customer = work.get('customer', id);
  if (balance === undefined || balance === customer.balance) return;
  const reason = { type: 'adjustment' as const, currency: customer.currency ?? 'usd' };
  moveBalance(work, customer, balance - customer.balance, reason);
}

const create = operation({
  method: 'POST',
  route: '/v1/customers',
  params: object({ ...FIELDS, balance: integer(), payment_method: string(), test_clock: string() }, [
    ...UNSUPPORTED,
    'tax_id_data',
  ]),
  run(work, params) {
    const clock = params.test_clock;
    if (clock !== undefined) {
      requireRoomForCustomer(work, work.require('test_helpers.test_clock', clock, 'test_clock'));
    }
    const blank = newCustomer(work.now, { test_clock: clock ?? null });
    const customer: Customer = { ...blank, ...changesOf(params), metadata: mergeMetadata({}, params.metadata) };
    if (params.payment_method === undefined && params.invoice_settings?.default_payment_method) {
      customer.invoice_settings = invoiceSettings(work, customer, params);
    }
    work.insert(customer, 'customer.created');
    setBalance(work, customer.id, params.balance);
    if (params.payment_method === undefined) return work.get('customer', customer.id);
    const attached = attachPaymentMethod(
      work,
      resolvePaymentMethod(work, params.payment_method, 'payment_method'),
      customer.id,
    );
    const current = work.get('customer', customer.id);
    if (!params.invoice_settings?.default_payment_method) return current;
    const settings = { ...current.invoice_settings, default_payment_method: attached.id };
    return work.update(current, { invoice_settings: settings }, 'customer.updated');
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/customers/{customer}',
  params: object({}),
  run(work, _params, path) {
    const id = pathValue(path, 'customer');
    // A deleted customer is still answered, as its stub.
    return work.objects.find('customer', id) ?? work.require('customer', id, 'id');
  },
});

const update = operation({
  method: 'POST',
  route: '/v1/customers/{customer}',
  params: object({ ...FIELDS, balance: integer() }, [...UNSUPPORTED, 'default_source']),
  run(work, params, path) {
    const customer = work.require('customer', pathValue(path, 'customer'), 'id');
    work.update(
      customer,
      {
        ...changesOf(params),
        invoice_settings: invoiceSettings(work, customer, params),
        metadata: mergeMetadata(customer.metadata, params.metadata),
      },
      'customer.updated',
    );
    setBalance(work, customer.id, params.balance);
    return work.get('customer', customer.id);
  },
});

const remove = operation({
  method: 'DELETE',
  route: '/v1/customers/{customer}',
  params: object({}),
  run(work, _params, path) {
    const customer = work.require('customer', pathValue(path, 'customer'), 'id');
    return deleteCustomer(work, customer);
  },
});

const list = listOperation({
  object: 'customer',
  route: '/v1/customers',
  filters: { ...CREATED, email: string(), test_clock: string() },
  where: (params) => [...createdWithin(params), ...filter('$.email', params.email), ...onTestClock(params.test_clock)],
});

function subscriptionsOf(work: Work, customer: JsonObject): JsonObject {
  const id = String(customer.id);
  const running = work.select('subscription', [equals('$.customer', id)]).filter((one) => !isEnded(one));
  return embeddedList(`/v1/customers/${id}/subscriptions`, running.reverse().slice(0, 10));
}

export const customers: Resource = {
  object: 'customer',
  operations: [create, retrieve, update, remove, list],
  expandable: {
    'invoice_settings.default_payment_method': 'payment_method',
    subscriptions: subscriptionsOf,
    test_clock: 'test_helpers.test_clock',
  },
};
