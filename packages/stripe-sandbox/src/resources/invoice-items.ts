import type { InvoiceItem } from '../objects/invoice-item.ts';
import { boolean, object, string } from '../parameters/schema.ts';
import { filter, inRange } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, listOperation } from './lists.ts';
import { operation, type PathValues, pathValue, type Resource } from './resource.ts';

function itemAt(work: Work, path: PathValues): InvoiceItem {
  return work.require('invoiceitem', pathValue(path, 'invoiceitem'), 'id');
}

const retrieve = operation({
  method: 'GET',
  route: '/v1/invoiceitems/{invoiceitem}',
  params: object({}),
  run: (work, _params, path) => itemAt(work, path),
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
  operations: [retrieve, list],
  expandable: {
    customer: 'customer',
    invoice: 'invoice',
    'pricing.price_details.price': 'price',
    test_clock: 'test_helpers.test_clock',
  },
};
