import type { Credited } from '../billing/credit-note-lines.ts';
import {
  type CreditRequest,
  chargeOf,
  composeCreditNote,
  issueCreditNote,
  voidCreditNote,
} from '../billing/credit-notes.ts';
import { invalidRequest, noSuch } from '../http/api-error.ts';
import { CREDIT_NOTE_REASONS, type CreditNote } from '../objects/credit-note.ts';
import type { Invoice } from '../objects/invoice.ts';
import { given } from '../parameters/given.ts';
import {
  array,
  decimal,
  type Infer,
  integer,
  metadata,
  object,
  oneOf,
  required,
  string,
  timestamp,
} from '../parameters/schema.ts';
import { filter } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation, PAGE, pageOf } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { operation, type PathValues, pathValue, type Resource } from './resource.ts';

const LINE_FIELDS = {
  amount: integer({ min: 0 }),
  description: string(),
  invoice_line_item: string(),
  metadata: metadata(),
  quantity: integer({ min: 1 }),
  type: required(oneOf(['custom_line_item', 'invoice_line_item'])),
  unit_amount: integer({ min: 0 }),
  unit_amount_decimal: decimal(),
};

const FIELDS = {
  amount: integer({ min: 1 }),
  credit_amount: integer({ min: 0 }),
  effective_at: timestamp(),
  // Nobody is mailed here either way.
  email_type: oneOf(['credit_note', 'none']),
  invoice: required(string()),
  lines: array(object(LINE_FIELDS, ['tax_amounts', 'tax_rates']), { max: 250 }),
  memo: string(),
  metadata: metadata(),
  out_of_band_amount: integer({ min: 0 }),
  reason: oneOf(CREDIT_NOTE_REASONS),
  refund_amount: integer({ min: 0 }),
  refunds: array(
    object({ amount_refunded: integer({ min: 1 }), refund: string(), type: oneOf(['refund']) }, [
      'payment_record_refund',
    ]),
    { max: 100 },
  ),
};

const UNSUPPORTED = ['shipping_cost'];

type Params = Infer<typeof FIELDS>;
type LineParams = Infer<typeof LINE_FIELDS>;

function creditedLine(invoice: Invoice, line: LineParams, param: string): Credited {
  const noted = mergeMetadata({}, line.metadata);
  if (line.type === 'invoice_line_item') {
    if (line.invoice_line_item === undefined) {
      const name = `${param}[invoice_line_item]`;
      throw invalidRequest(`Missing required param: ${name}.`, { code: 'parameter_missing', param: name });
    }
    const found = invoice.lines.data.find((one) => one.id === line.invoice_line_item);
    if (found === undefined) throw noSuch('line item', line.invoice_line_item, `${param}[invoice_line_item]`);
    if (line.amount !== undefined && line.quantity !== undefined) {
      throw invalidRequest(`You may only specify one of these parameters: amount, quantity.`, {
        code: 'parameters_exclusive',
        param: `${param}[quantity]`,
      });
    }
    return {
      type: line.type,
      line: found,
      metadata: noted,
      ...given({ amount: line.amount, quantity: line.quantity }),
    };
  }
  const unit = line.unit_amount_decimal ?? (line.unit_amount === undefined ? undefined : String(line.unit_amount));
  if (unit === undefined || (line.unit_amount !== undefined && line.unit_amount_decimal !== undefined)) {
    throw invalidRequest('A custom line item needs either `unit_amount` or `unit_amount_decimal`.', {
      code: 'parameter_missing',
      param: `${param}[unit_amount]`,
    });
  }
  return {
    type: line.type,
    description: line.description ?? null,
    unitDecimal: unit,
    quantity: line.quantity ?? 1,
    metadata: noted,
  };
}

function creditedOf(invoice: Invoice, params: Params): Credited[] {
  const { amount, lines } = params;
  if ((amount === undefined) === (lines === undefined)) {
    throw invalidRequest('You must specify exactly one of these parameters: amount, lines.', { param: 'amount' });
  }
  if (lines !== undefined) return lines.map((line, index) => creditedLine(invoice, line, `lines[${index}]`));
  return [{ type: 'custom_line_item', description: null, unitDecimal: String(amount), quantity: 1, metadata: {} }];
}

function linkedRefunds(work: Work, invoice: Invoice, wanted: Params['refunds']): CreditRequest['refunds'] {
  return (wanted ?? []).map((one, index) => {
    const param = `refunds[${index}][refund]`;
    const refund = work.require('refund', one.refund ?? '', param);
    if (refund.charge !== chargeOf(work, invoice)?.id) {
      throw invalidRequest(`The refund ${refund.id} is not of a charge of this invoice.`, { param });
    }
    return { refund, amount: one.amount_refunded ?? refund.amount };
  });
}

function requestOf(work: Work, params: Params): CreditRequest {
  const invoice = work.require('invoice', params.invoice, 'invoice');
  return {
    invoice,
    credited: creditedOf(invoice, params),
    refundAmount: params.refund_amount ?? 0,
    creditAmount: params.credit_amount ?? 0,
    outOfBandAmount: params.out_of_band_amount ?? null,
    refunds: linkedRefunds(work, invoice, params.refunds),
    reason: params.reason ?? null,
    memo: params.memo ?? null,
    metadata: mergeMetadata({}, params.metadata),
    effectiveAt: params.effective_at ?? null,
  };
}

function noteAt(work: Work, path: PathValues): CreditNote {
  return work.require('credit_note', pathValue(path, 'id'), 'id');
}

const create = operation({
  method: 'POST',
  route: '/v1/credit_notes',
  params: object(FIELDS, UNSUPPORTED),
  run: (work, params) => issueCreditNote(work, requestOf(work, params)),
});

const preview = operation({
  method: 'GET',
  route: '/v1/credit_notes/preview',
  params: object(FIELDS, UNSUPPORTED),
  run: (work, params) => composeCreditNote(work, requestOf(work, params)),
});

const previewLines = operation({
  method: 'GET',
  route: '/v1/credit_notes/preview/lines',
  params: object({ ...PAGE, ...FIELDS }, UNSUPPORTED),
  run(work, params) {
    const { lines } = composeCreditNote(work, requestOf(work, params));
    return pageOf('/v1/credit_notes/preview/lines', lines.data, params);
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/credit_notes/{id}',
  params: object({}),
  run: (work, _params, path) => noteAt(work, path),
});

const update = operation({
  method: 'POST',
  route: '/v1/credit_notes/{id}',
  params: object({ memo: string(), metadata: metadata() }),
  run(work, params, path) {
    const note = noteAt(work, path);
    const changes = { memo: params.memo ?? note.memo, metadata: mergeMetadata(note.metadata, params.metadata) };
    return work.update(note, changes, 'credit_note.updated');
  },
});

const voiding = operation({
  method: 'POST',
  route: '/v1/credit_notes/{id}/void',
  params: object({}),
  run: (work, _params, path) => voidCreditNote(work, noteAt(work, path)),
});

const lines = operation({
  method: 'GET',
  route: '/v1/credit_notes/{credit_note}/lines',
  params: object(PAGE),
  run(work, params, path) {
    const note = work.require('credit_note', pathValue(path, 'credit_note'), 'id');
    return pageOf(note.lines.url, note.lines.data, params);
  },
});

const list = listOperation({
  object: 'credit_note',
  route: '/v1/credit_notes',
  filters: { ...CREATED, customer: string(), invoice: string() },
  unsupported: ['customer_account'],
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.customer', params.customer),
    ...filter('$.invoice', params.invoice),
  ],
});

export const creditNotes: Resource = {
  object: 'credit_note',
  operations: [create, preview, previewLines, retrieve, update, voiding, lines, list],
  expandable: {
    customer: 'customer',
    customer_balance_transaction: 'customer_balance_transaction',
    'discount_amounts.discount': 'discount',
    invoice: 'invoice',
    'refunds.refund': 'refund',
  },
};
