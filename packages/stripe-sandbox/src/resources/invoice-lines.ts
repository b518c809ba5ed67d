import { itemOfLine, requireDraft } from '../billing/draft-lines.ts';
import { linesUrl } from '../billing/invoice-draft.ts';
import { addItem, assignItem, changeItem, deleteItem, unassignItem } from '../billing/invoice-item-changes.ts';
import { newInvoiceItem } from '../billing/invoice-items.ts';
import { invalidRequest, noSuch } from '../http/api-error.ts';
import type { Invoice, InvoiceLine } from '../objects/invoice.ts';
import type { InvoiceItem } from '../objects/invoice-item.ts';
import { array, type Infer, metadata, object, oneOf, required, string } from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { changedItemMembers, ITEM_FIELDS, LINE_PRICE_DATA, newItemMembers } from './invoice-item-params.ts';
import { PAGE, pageOf } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { operation, type PathValues, pathValue, type Resource } from './resource.ts';

const FIELDS = { ...ITEM_FIELDS, price_data: LINE_PRICE_DATA };
const UNSUPPORTED = ['discounts', 'quantity_decimal', 'tax_amounts', 'tax_rates'];
const MAX_AT_ONCE = 250;

function draftAt(work: Work, path: PathValues): Invoice {
  const invoice = work.require('invoice', pathValue(path, 'invoice'), 'id');
  requireDraft(invoice);
  return invoice;
}

function lineOf(invoice: Invoice, id: string, param: string): InvoiceLine {
  const line = invoice.lines.data.find((one) => one.id === id);
  if (line === undefined) throw noSuch('line item', id, param);
  return line;
}

/** The invoice item that a line stands for. What bills a subscription's period is the subscription's business. */
function itemOf(work: Work, invoice: Invoice, id: string, param: string): InvoiceItem {
  const item = itemOfLine(lineOf(invoice, id, param));
  const found = item === null ? undefined : work.find('invoiceitem', item);
  if (found !== undefined) return found;
  throw invalidRequest('Changing a line that bills a subscription: the local Stripe does not do this yet.', {
    code: 'sandbox_unsupported',
    param,
  });
}

/** The invoice as the calls that change several lines answer it. */
function answer(work: Work, id: string, wanted: Infer<typeof METADATA>['invoice_metadata']): Invoice {
  const invoice = work.get('invoice', id);
  return work.update(invoice, { metadata: mergeMetadata(invoice.metadata, wanted) }, 'invoice.updated');
}

const METADATA = { invoice_metadata: metadata() };

const list = operation({
  method: 'GET',
  route: '/v1/invoices/{invoice}/lines',
  params: object(PAGE),
  run(work, params, path) {
    const invoice = work.require('invoice', pathValue(path, 'invoice'), 'id');
    return pageOf(linesUrl(invoice.id), invoice.lines.data, params);
  },
});

const add = operation({
  method: 'POST',
  route: '/v1/invoices/{invoice}/add_lines',
  params: object({
    ...METADATA,
    lines: required(array(object({ ...FIELDS, invoice_item: string() }, UNSUPPORTED), { max: MAX_AT_ONCE })),
  }),
  run(work, params, path) {
    const { id, customer, currency } = draftAt(work, path);
    for (const [index, line] of params.lines.entries()) {
      const draft = work.get('invoice', id);
      const prefix = `lines[${index}]`;
      if (line.invoice_item === undefined) {
        const members = newItemMembers(work, line, { currency, fallback: currency }, prefix);
        addItem(work, newInvoiceItem(work, { ...members, customer }), draft);
      } else {
        const param = `${prefix}[invoice_item]`;
        const item = work.require('invoiceitem', line.invoice_item, param);
        if (item.customer !== customer || item.currency !== currency) {
          throw invalidRequest(`The invoice item ${item.id} is of another customer or currency.`, { param });
        }
        assignItem(work, item, draft);
      }
    }
    return answer(work, id, params.invoice_metadata);
  },
});

const updateSeveral = operation({
  method: 'POST',
  route: '/v1/invoices/{invoice}/update_lines',
  params: object({
    ...METADATA,
    lines: required(array(object({ ...FIELDS, id: required(string()) }, UNSUPPORTED), { max: MAX_AT_ONCE })),
  }),
  run(work, params, path) {
    const draft = draftAt(work, path);
    for (const [index, line] of params.lines.entries()) {
      const item = itemOf(work, draft, line.id, `lines[${index}][id]`);
      changeItem(work, item, changedItemMembers(work, item, line, `lines[${index}]`));
    }
    return answer(work, draft.id, params.invoice_metadata);
  },
});

const removeSeveral = operation({
  method: 'POST',
  route: '/v1/invoices/{invoice}/remove_lines',
  params: object({
    ...METADATA,
    lines: required(
      array(object({ behavior: required(oneOf(['delete', 'unassign'])), id: required(string()) }), {
        max: MAX_AT_ONCE,
      }),
    ),
  }),
  run(work, params, path) {
    const draft = draftAt(work, path);
    for (const [index, line] of params.lines.entries()) {
      const item = itemOf(work, draft, line.id, `lines[${index}][id]`);
      if (line.behavior === 'delete') deleteItem(work, item);
      else unassignItem(work, item);
    }
    return answer(work, draft.id, params.invoice_metadata);
  },
});

const update = operation({
  method: 'POST',
  route: '/v1/invoices/{invoice}/lines/{line_item_id}',
  params: object(FIELDS, UNSUPPORTED),
  run(work, params, path) {
    const draft = draftAt(work, path);
    const line = pathValue(path, 'line_item_id');
    const item = itemOf(work, draft, line, 'id');
    changeItem(work, item, changedItemMembers(work, item, params));
    return lineOf(work.get('invoice', draft.id), line, 'id');
  },
});

/** Lines live inside their invoice; these calls read and change them there. */
export const invoiceLines: Resource = {
  object: 'line_item',
  operations: [list, add, updateSeveral, removeSeveral, update],
  expandable: { 'discount_amounts.discount': 'discount', 'pricing.price_details.price': 'price' },
};
