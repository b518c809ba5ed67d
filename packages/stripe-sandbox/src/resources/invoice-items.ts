import { requireDraft } from '../billing/draft-lines.ts';
import { addItem, changeItem, deleteItem } from '../billing/invoice-item-changes.ts';
import { newInvoiceItem } from '../billing/invoice-items.ts';
import { requireOwn } from '../billing/manual-invoices.ts';
import { invalidRequest } from '../http/api-error.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { InvoiceItem } from '../objects/invoice-item.ts';
import { boolean, object, required, signedDecimal, string } from '../parameters/schema.ts';
import { filter, inRange } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { changedItemMembers, ITEM_FIELDS, ITEM_PRICE_DATA, newItemMembers } from './invoice-item-params.ts';
import { CREATED, listOperation } from './lists.ts';
import { currency } from './parameters.ts';
import { operation, type PathValues, pathValue, type Resource } from './resource.ts';

const FIELDS = { ...ITEM_FIELDS, price_data: ITEM_PRICE_DATA, unit_amount_decimal: signedDecimal() };
const UNSUPPORTED = ['discounts', 'quantity_decimal', 'tax_behavior', 'tax_code', 'tax_rates'];

function itemAt(work: Work, path: PathValues): InvoiceItem {
  return work.require('invoiceitem', pathValue(path, 'invoiceitem'), 'id');
}

/** The draft that a new item is made for. */
function draftFor(work: Work, id: string, item: { customer: string; currency: string }): Invoice {
  const invoice = work.require('invoice', id, 'invoice');
  requireDraft(invoice);
  if (invoice.customer !== item.customer) {
    throw invalidRequest(`The invoice ${id} is not of customer ${item.customer}.`, { param: 'invoice' });
  }
  if (invoice.currency !== item.currency) {
    throw invalidRequest(`The invoice ${id} is in ${invoice.currency}, the item in ${item.currency}.`, {
      param: 'currency',
    });
  }
  return invoice;
}

const create = operation({
  method: 'POST',
  route: '/v1/invoiceitems',
  params: object(
    { ...FIELDS, currency: currency(), customer: required(string()), invoice: string(), subscription: string() },
    ['customer_account', ...UNSUPPORTED],
  ),
  run(work, params) {
    const customer = work.require('customer', params.customer, 'customer');
    const subscription =
      params.subscription === undefined ? undefined : requireOwn(work, params.subscription, customer.id);
    const known = params.invoice === undefined ? undefined : work.find('invoice', params.invoice)?.currency;
    const fallback = known ?? subscription?.currency ?? customer.currency ?? 'usd';
    const members = newItemMembers(work, params, { currency: params.currency, fallback });
    const item = newInvoiceItem(work, {
      ...members,
      customer: customer.id,
      parent:
        subscription === undefined
          ? null
          : { subscription_details: { subscription: subscription.id }, type: 'subscription_details' },
    });
    return addItem(work, item, params.invoice === undefined ? null : draftFor(work, params.invoice, item));
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/invoiceitems/{invoiceitem}',
  params: object({}),
  run: (work, _params, path) => itemAt(work, path),
});

const update = operation({
  method: 'POST',
  route: '/v1/invoiceitems/{invoiceitem}',
  params: object(FIELDS, ['invoicing_rules', ...UNSUPPORTED]),
  run(work, params, path) {
    const item = itemAt(work, path);
    return changeItem(work, item, changedItemMembers(work, item, params));
  },
});

const remove = operation({
  method: 'DELETE',
  route: '/v1/invoiceitems/{invoiceitem}',
  params: object({}),
  run: (work, _params, path) => deleteItem(work, itemAt(work, path)),
});

const list = listOperation({
  object: 'invoiceitem',
  route: '/v1/invoiceitems',
  filters: { ...CREATED, customer: string(), invoice: string(), pending: boolean() },
  unsupported: ['customer_account'],
  where: (params) => [
    ...(params.created === undefined ? [] : [inRange('$.date', params.created)]),
    ...filter('$.customer', params.customer),
    ...filter('$.invoice', params.invoice),
    ...(params.pending === undefined
      ? []
      : [{ sql: `json_extract(body, '$.invoice') IS ${params.pending ? '' : 'NOT '}NULL`, values: [] }]),
  ],
});

export const invoiceItems: Resource = {
  object: 'invoiceitem',
  operations: [create, retrieve, update, remove, list],
  expandable: {
    customer: 'customer',
    invoice: 'invoice',
    'pricing.price_details.price': 'price',
    test_clock: 'test_helpers.test_clock',
  },
};
