import { linesUrl } from '../billing/invoice-draft.ts';
import { object } from '../parameters/schema.ts';
import { PAGE, pageOf } from './lists.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const list = operation({
  method: 'GET',
  route: '/v1/invoices/{invoice}/lines',
  params: object(PAGE),
  run(work, params, path) {
    const invoice = work.require('invoice', pathValue(path, 'invoice'), 'id');
    return pageOf(linesUrl(invoice.id), invoice.lines.data, params);
  },
});

/** Lines live inside their invoice; this call reads them there. */
export const invoiceLines: Resource = {
  object: 'line_item',
  operations: [list],
  expandable: { 'discount_amounts.discount': 'discount', 'pricing.price_details.price': 'price' },
};
