import { type Redemption, redeem, redeemable } from '../billing/discounts.ts';
import { requireDraft, withDiscounts, withTaxRates } from '../billing/draft-lines.ts';
import { automaticTax } from '../billing/invoice-draft.ts';
import { createManualInvoice, deleteDraft, requireOwn, sendInvoice, setAdvance } from '../billing/manual-invoices.ts';
import { invalidRequest } from '../http/api-error.ts';
import type { Invoice } from '../objects/invoice.ts';
import { given } from '../parameters/given.ts';
import { boolean, type Infer, integer, metadata, object, oneOf, string, timestamp } from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { DISCOUNTS } from './discount-params.ts';
import { mergeMetadata } from './metadata.ts';
import { AUTOMATIC_TAX, currency } from './parameters.ts';
import { operation, type PathValues, pathValue } from './resource.ts';
import { TAX_RATES, toTaxRates } from './tax-rates.ts';

/** The calls by which somebody makes an invoice, changes it while it is a draft, and sends it. */

const DAY_SECONDS = 86_400;

const FIELDS = {
  auto_advance: boolean(),
  automatic_tax: AUTOMATIC_TAX,
  automatically_finalizes_at: timestamp(),
  collection_method: oneOf(['charge_automatically', 'send_invoice']),
  days_until_due: integer({ min: 0 }),
  default_payment_method: string(),
  default_tax_rates: TAX_RATES,
  description: string(),
  discounts: DISCOUNTS,
  due_date: timestamp(),
  footer: string(),
  metadata: metadata(),
};

type Params = Infer<typeof FIELDS>;

const UNSUPPORTED = [
  'account_tax_ids',
  'application_fee_amount',
  'custom_fields',
  'default_source',
  'effective_at',
  'issuer',
  'number',
  'on_behalf_of',
  'payment_settings',
  'rendering',
  'shipping_cost',
  'shipping_details',
  'statement_descriptor',
  'transfer_data',
];

function invoiceAt(work: Work, path: PathValues): Invoice {
  return work.require('invoice', pathValue(path, 'invoice'), 'id');
}

/** When an invoice that is sent is due; null for one that is charged, which may not say it. */
function dueDate(params: Params, sent: boolean, created: number, current: number | null): number | null {
  const { days_until_due: days, due_date: date } = params;
  const param = days === undefined ? 'due_date' : 'days_until_due';
  if (!sent) {
    if (days === undefined && date === undefined) return null;
    throw invalidRequest(`You can only specify \`${param}\` if \`collection_method\` is \`send_invoice\`.`, { param });
  }
  if (days !== undefined && date !== undefined) {
    throw invalidRequest('You may only specify one of these parameters: days_until_due, due_date.', {
      code: 'parameters_exclusive',
      param,
    });
  }
  const due = date ?? (days === undefined ? current : created + days * DAY_SECONDS);
  if (due !== null) return due;
  throw invalidRequest('An invoice that is sent needs `due_date` or `days_until_due`.', {
    code: 'parameter_missing',
    param: 'days_until_due',
  });
}

function ownPaymentMethod(work: Work, id: string | undefined, customer: string): string | undefined {
  if (id === undefined || work.require('payment_method', id, 'default_payment_method').customer === customer) return id;
  throw invalidRequest(`The customer does not have a payment method with the ID ${id}.`, {
    code: 'resource_missing',
    param: 'default_payment_method',
  });
}

/** The members that a draft takes over as they are given. */
function membersOf(work: Work, params: Params, invoice: { customer: string; metadata: Invoice['metadata'] }) {
  return given({
    collection_method: params.collection_method,
    default_payment_method: ownPaymentMethod(work, params.default_payment_method, invoice.customer),
    description: params.description,
    footer: params.footer,
    metadata: mergeMetadata(invoice.metadata, params.metadata),
  });
}

/** By whom tax is counted: by Stripe, which finds none to collect, or by hand. */
function taxesOf(work: Work, params: Params) {
  const { automatic_tax: automatic, default_tax_rates: ids } = params;
  if (automatic?.enabled === true && ids !== undefined && ids.length > 0) {
    throw invalidRequest('`default_tax_rates` cannot be set while automatic tax is enabled.', {
      param: 'default_tax_rates',
    });
  }
  return given({
    automatic_tax: automatic === undefined ? undefined : automaticTax(automatic.enabled),
    default_tax_rates: ids === undefined ? undefined : toTaxRates(work, ids, 'default_tax_rates'),
  });
}

/** Redeems what an invoice is to be discounted by, keeping those of its discounts that are named. */
function redeemOn(work: Work, invoice: Invoice, wanted: readonly Redemption[] | ''): Invoice {
  const owner = { checkout_session: null, customer: invoice.customer, invoice: invoice.id, subscription: null };
  const purchase = { customer: invoice.customer, currency: invoice.currency, subtotal: null };
  const discounts = (wanted || []).map((one, index) => {
    const kept = invoice.discounts.find((id) => id === one.discount);
    return kept ?? redeem(work, redeemable(work, one, purchase, `discounts[${index}]`), owner).id;
  });
  return withDiscounts(work, invoice, discounts);
}

export const createInvoice = operation({
  method: 'POST',
  route: '/v1/invoices',
  params: object(
    {
      ...FIELDS,
      currency: currency(),
      customer: string(),
      pending_invoice_items_behavior: oneOf(['exclude', 'include']),
      subscription: string(),
    },
    [...UNSUPPORTED, 'customer_account', 'from_invoice'],
  ),
  run(work, params) {
    if (params.customer === undefined) {
      throw invalidRequest('Missing required param: customer.', { code: 'parameter_missing', param: 'customer' });
    }
    const customer = work.require('customer', params.customer, 'customer');
    const subscription = params.subscription === undefined ? null : requireOwn(work, params.subscription, customer.id);
    const sent = params.collection_method === 'send_invoice';
    const autoAdvance = params.auto_advance ?? params.automatically_finalizes_at !== undefined;
    const soon = work.now + work.settings.renewalFinalizeDelaySeconds;
    const invoice = createManualInvoice(work, {
      customer,
      subscription,
      currency: params.currency ?? subscription?.currency ?? customer.currency ?? 'usd',
      takesPending:
        (params.pending_invoice_items_behavior ?? (subscription === null ? 'exclude' : 'include')) === 'include',
      autoAdvance,
      finalizesAt: autoAdvance ? (params.automatically_finalizes_at ?? soon) : null,
      members: {
        ...membersOf(work, params, { customer: customer.id, metadata: {} }),
        ...taxesOf(work, params),
        collection_method: params.collection_method ?? 'charge_automatically',
        due_date: dueDate(params, sent, work.now, null),
        footer: params.footer ?? customer.invoice_settings.footer,
      },
    });
    return params.discounts ? redeemOn(work, invoice, params.discounts) : invoice;
  },
});

/** What may still change once an invoice is final: nothing that says how much is owed, when, or how it is collected. */
const AFTERWARDS: readonly string[] = ['auto_advance', 'default_payment_method', 'metadata'];

export const updateInvoice = operation({
  method: 'POST',
  route: '/v1/invoices/{invoice}',
  params: object(FIELDS, UNSUPPORTED),
  run(work, params, path) {
    const invoice = invoiceAt(work, path);
    if (Object.keys(params).some((name) => !AFTERWARDS.includes(name))) requireDraft(invoice);
    const method = params.collection_method ?? invoice.collection_method;
    const due =
      invoice.status === 'draft'
        ? { due_date: dueDate(params, method === 'send_invoice', invoice.created, invoice.due_date) }
        : {};
    const { default_tax_rates: rates, ...tax } = taxesOf(work, params);
    const changes = { ...membersOf(work, params, invoice), ...tax, ...due };
    let changed = work.update(invoice, changes, 'invoice.updated');
    if (rates !== undefined) changed = withTaxRates(work, changed, rates);
    if (params.discounts !== undefined) changed = redeemOn(work, changed, params.discounts);
    const { auto_advance: on = invoice.auto_advance, automatically_finalizes_at: at } = params;
    const settled = changed.status !== 'draft' && changed.status !== 'open';
    if (settled || (on === invoice.auto_advance && at === undefined)) return changed;
    return setAdvance(work, changed, on || at !== undefined, at);
  },
});

export const deleteInvoice = operation({
  method: 'DELETE',
  route: '/v1/invoices/{invoice}',
  params: object({}),
  run: (work, _params, path) => deleteDraft(work, invoiceAt(work, path)),
});

export const sendOperation = operation({
  method: 'POST',
  route: '/v1/invoices/{invoice}/send',
  params: object({}),
  run: (work, _params, path) => sendInvoice(work, invoiceAt(work, path)),
});
