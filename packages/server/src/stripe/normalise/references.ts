import { type Fields, idOf, isFields } from './fields.ts';
import type { ShapeChange } from './shape-change.ts';

/** Members that refer to another object, by the `object` that has them. */
const references: Readonly<Record<string, readonly string[]>> = {
  subscription: ['customer', 'default_payment_method', 'default_source', 'latest_invoice', 'pending_setup_intent'],
  invoice: ['customer', 'default_payment_method', 'default_source'],
  'checkout.session': ['customer', 'invoice', 'payment_intent', 'payment_link', 'setup_intent', 'subscription'],
  payment_intent: ['customer', 'latest_charge', 'payment_method'],
  charge: ['customer', 'payment_intent'],
  refund: ['charge', 'customer', 'payment_intent'],
  dispute: ['charge', 'payment_intent'],
  customer: ['default_source'],
  price: ['product'],
  product: ['default_price'],
};

function collapsed(body: Fields, names: readonly string[]): Fields {
  const expanded = names.filter((name) => isFields(body[name]));
  if (expanded.length === 0) return body;
  return { ...body, ...Object.fromEntries(expanded.map((name) => [name, idOf(body[name])])) };
}

function invoicePayment(body: Fields): Fields {
  const whole = collapsed(body, ['invoice']);
  if (!isFields(whole.payment)) return whole;
  const payment = collapsed(whole.payment, ['payment_intent', 'charge']);
  return payment === whole.payment ? whole : { ...whole, payment };
}

function invoice(body: Fields): Fields {
  const whole = collapsed(body, references.invoice ?? []);
  const { parent } = whole;
  if (!isFields(parent) || !isFields(parent.subscription_details)) return whole;
  const details = collapsed(parent.subscription_details, ['subscription']);
  return details === parent.subscription_details
    ? whole
    : { ...whole, parent: { ...parent, subscription_details: details } };
}

/** No change of Stripe's: whoever asked for an expanded reference gets the object, and here a reference is always an id. */
export const referencesAsIds: ShapeChange = {
  version: 'any',
  newer: {
    ...Object.fromEntries(Object.entries(references).map(([name, names]) => [name, (body) => collapsed(body, names)])),
    invoice,
    invoice_payment: invoicePayment,
  },
};
