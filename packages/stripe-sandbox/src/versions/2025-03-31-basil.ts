import { isList, isObject, type Json, type JsonObject } from '../json.ts';
import { equals } from '../store/conditions.ts';
import type { ObjectStore } from '../store/objects.ts';
import type { VersionChange } from './change.ts';

/**
 * 2025-03-31.basil moved billing periods from the subscription to its items, put an invoice's origin under `parent`, let
 * an invoice have several payments, and gave lines `parent` and `pricing` instead of `subscription` and `price`.
 */

function subscription(body: JsonObject): JsonObject {
  const items = isList(body.items) ? body.items.data : [];
  const [first] = items;
  if (!isObject(first)) return body;
  return { ...body, current_period_end: first.current_period_end, current_period_start: first.current_period_start };
}

/** The payment that collects an invoice, its intent and the intent's latest charge. */
function paymentOf(invoice: JsonObject, objects: ObjectStore): { intent: Json; charge: Json } {
  const [payment] = objects.select('invoice_payment', [equals('$.invoice', String(invoice.id))]);
  const intentId = isObject(payment?.payment) ? payment.payment.payment_intent : undefined;
  if (typeof intentId !== 'string') return { intent: null, charge: null };
  const intent = objects.find('payment_intent', intentId);
  return { intent: intentId, charge: intent?.latest_charge ?? null };
}

/** Taxes as they were shown: by rate, and whether they are in the price. */
function taxAmounts(taxes: Json | undefined): JsonObject[] {
  return (Array.isArray(taxes) ? taxes : []).filter(isObject).map((tax) => ({
    amount: tax.amount,
    inclusive: tax.tax_behavior === 'inclusive',
    tax_rate: isObject(tax.tax_rate_details) ? tax.tax_rate_details.tax_rate : null,
    taxability_reason: tax.taxability_reason,
    taxable_amount: tax.taxable_amount,
  }));
}

function line(body: JsonObject, objects: ObjectStore): JsonObject {
  const { parent, pricing, quantity_decimal: _decimal, subtotal: _subtotal, taxes, ...rest } = body;
  const item = isObject(parent) ? parent.subscription_item_details : undefined;
  const once = isObject(parent) ? parent.invoice_item_details : undefined;
  const details = isObject(item) ? item : isObject(once) ? once : {};
  const price = isObject(pricing) && isObject(pricing.price_details) ? pricing.price_details.price : null;
  return {
    ...rest,
    amount_excluding_tax: body.amount,
    invoice_item: isObject(once) ? once.invoice_item : undefined,
    price: typeof price === 'string' ? (objects.find('price', price) ?? null) : (price ?? null),
    proration: details.proration ?? false,
    proration_details: details.proration_details ?? { credited_items: null },
    subscription: details.subscription ?? null,
    subscription_item: isObject(item) ? item.subscription_item : undefined,
    tax_amounts: taxAmounts(taxes),
    tax_rates: [],
    type: isObject(item) ? 'subscription' : 'invoiceitem',
    unit_amount_excluding_tax: isObject(pricing) ? pricing.unit_amount_decimal : null,
  };
}

function invoice(body: JsonObject, objects: ObjectStore): JsonObject {
  const { parent, total_taxes: taxes, payments: _payments, confirmation_secret: _secret, ...rest } = body;
  const details = isObject(parent) && isObject(parent.subscription_details) ? parent.subscription_details : undefined;
  const { intent, charge } = paymentOf(body, objects);
  const amounts = taxAmounts(taxes);
  return {
    ...rest,
    application_fee_amount: null,
    charge,
    discount: null,
    paid: body.status === 'paid',
    paid_out_of_band: body.status === 'paid' && body.amount_due !== 0 && charge === null,
    payment_intent: intent,
    quote: null,
    subscription: details?.subscription ?? null,
    subscription_details: { metadata: details?.metadata ?? null },
    tax: amounts.length === 0 ? null : amounts.reduce((sum, one) => sum + Number(one.amount), 0),
    total_tax_amounts: amounts,
    transfer_data: null,
  };
}

/** The invoice that an intent collects. */
function invoiceOf(intent: Json | undefined, objects: ObjectStore): Json {
  if (typeof intent !== 'string') return null;
  const [payment] = objects.select('invoice_payment', [equals('$.payment.payment_intent', intent)]);
  return typeof payment?.invoice === 'string' ? payment.invoice : null;
}

export const basil: VersionChange = {
  version: '2025-03-31.basil',
  older: {
    charge: (body, objects) => ({ ...body, invoice: invoiceOf(body.payment_intent, objects) }),
    invoice,
    line_item: line,
    payment_intent: (body, objects) => ({ ...body, invoice: invoiceOf(body.id, objects) }),
    subscription,
  },
};
