import { invoiceLine, taxes } from './2025-03-31-basil-lines.ts';
import { type Fields, hasAny, idOf, isFields, orElse, without } from './fields.ts';
import type { ShapeChange } from './shape-change.ts';

/**
 * Billing periods moved from the subscription to its items; an invoice's origin went below `parent`, and how it is paid became a list of
 * payments; one `discount` became `discounts`; lines got `parent` and `pricing`.
 */

const periodFields = ['current_period_start', 'current_period_end'];

function subscription(body: Fields): Fields {
  if (!hasAny(body, [...periodFields, 'discount'])) return body;
  const { current_period_start, current_period_end } = body;
  const period = hasAny(body, periodFields) ? { current_period_start, current_period_end } : {};
  return {
    ...without(body, [...periodFields, 'discount']),
    ...discountsOf(body),
    ...(isFields(body.items) && Array.isArray(body.items.data)
      ? {
          items: {
            ...body.items,
            data: body.items.data.map((item) => (isFields(item) ? { ...period, ...item } : item)),
          },
        }
      : {}),
  };
}

const invoiceFields = [
  'application_fee_amount',
  'charge',
  'discount',
  'paid',
  'paid_out_of_band',
  'payment_intent',
  'quote',
  'subscription',
  'subscription_details',
  'subscription_proration_date',
  'tax',
  'total_tax_amounts',
  'transfer_data',
];

function invoice(body: Fields): Fields {
  if (!hasAny(body, invoiceFields)) return body;
  return {
    ...without(body, invoiceFields),
    status: orElse(body, 'status', () => (body.paid === true ? 'paid' : 'open')),
    parent: orElse(body, 'parent', () => invoiceParent(body)),
    total_taxes: orElse(body, 'total_taxes', () => taxes(body.total_tax_amounts)),
    ...paymentsOf(body),
    ...discountsOf(body),
  };
}

function invoiceParent(body: Fields): Fields | null {
  const subscriptionId = idOf(body.subscription);
  if (subscriptionId !== null) {
    const details = isFields(body.subscription_details) ? body.subscription_details : {};
    const prorated = body.subscription_proration_date;
    return {
      type: 'subscription_details',
      quote_details: null,
      subscription_details: {
        metadata: details.metadata ?? null,
        subscription: subscriptionId,
        ...(prorated === undefined ? {} : { subscription_proration_date: prorated }),
      },
    };
  }
  const quote = idOf(body.quote);
  return quote === null ? null : { type: 'quote_details', quote_details: { quote }, subscription_details: null };
}

function paymentsOf(body: Fields): Fields {
  if (Object.hasOwn(body, 'payments')) return {};
  const intent = idOf(body.payment_intent);
  const charge = idOf(body.charge);
  if (intent === null && charge === null) return {};
  const payment = intent === null ? { type: 'charge', charge } : { type: 'payment_intent', payment_intent: intent };
  const status = body.paid === true || body.status === 'paid' ? 'paid' : 'open';
  const one = { object: 'invoice_payment', invoice: body.id ?? null, is_default: true, payment, status };
  return { payments: { object: 'list', data: [one], has_more: false } };
}

function discountsOf(body: Fields): Fields {
  if (!Object.hasOwn(body, 'discount')) return {};
  const existing = Array.isArray(body.discounts) ? body.discounts : [];
  const only = idOf(body.discount);
  return { discounts: existing.length > 0 || only === null ? existing : [only] };
}

const withoutInvoice = (body: Fields): Fields => (hasAny(body, ['invoice']) ? without(body, ['invoice']) : body);

export const basil: ShapeChange = {
  version: '2025-03-31.basil',
  newer: {
    subscription,
    invoice,
    line_item: invoiceLine,
    payment_intent: withoutInvoice,
    charge: withoutInvoice,
  },
};
