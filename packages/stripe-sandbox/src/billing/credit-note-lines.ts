import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { CreditNoteLine } from '../objects/credit-note.ts';
import type { Invoice, InvoiceLine } from '../objects/invoice.ts';
import type { Metadata } from '../objects/parts.ts';
import { lineAmount, wholeAmount } from './amounts.ts';

/** What a credit note takes back: a part of a line of the invoice, or something that is not on it. */
export type Credited =
  | { type: 'invoice_line_item'; line: InvoiceLine; amount?: number; quantity?: number; metadata: Metadata }
  | { type: 'custom_line_item'; description: string | null; unitDecimal: string; quantity: number; metadata: Metadata };

function creditLine(
  members: Pick<CreditNoteLine, 'amount' | 'description' | 'metadata' | 'quantity' | 'type' | 'unit_amount_decimal'> &
    Partial<CreditNoteLine>,
): CreditNoteLine {
  const unit = members.unit_amount_decimal;
  return {
    id: newId('cnli_'),
    object: 'credit_note_line_item',
    discount_amount: 0,
    discount_amounts: [],
    livemode: false,
    pretax_credit_amounts: [],
    tax_rates: [],
    taxes: [],
    unit_amount: unit === null ? null : wholeAmount(unit),
    ...members,
  };
}

/** `amount` × `part` / `whole`, rounded half up. */
function share(amount: number, part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((amount * part) / whole);
}

function ofInvoiceLine(credited: Extract<Credited, { type: 'invoice_line_item' }>, left: number): CreditNoteLine {
  const { line, quantity } = credited;
  if (quantity !== undefined && quantity > line.quantity) {
    throw invalidRequest(`The line has a quantity of ${line.quantity}; ${quantity} cannot be credited.`, {
      param: 'lines',
    });
  }
  const amount = credited.amount ?? (quantity === undefined ? left : share(line.amount, quantity, line.quantity));
  if (amount > left) {
    throw invalidRequest(`The line has ${left} left to credit; ${amount} is more.`, { param: 'lines' });
  }
  // What was discounted was never paid: it is not given back.
  const off = line.discount_amounts.map((one) => ({ ...one, amount: share(one.amount, amount, line.amount) }));
  return creditLine({
    amount,
    description: line.description,
    discount_amount: off.reduce((sum, one) => sum + one.amount, 0),
    discount_amounts: off,
    invoice_line_item: line.id,
    metadata: credited.metadata,
    pretax_credit_amounts: off.map((one) => ({ ...one, type: 'discount' as const })),
    quantity: quantity ?? null,
    type: 'invoice_line_item',
    unit_amount_decimal: quantity === undefined ? null : (line.pricing?.unit_amount_decimal ?? null),
  });
}

/**
 * The lines of a credit note. `earlier` are those of the notes before it: no line of the invoice is given back more than
 * once.
 */
export function creditLines(
  invoice: Invoice,
  credited: readonly Credited[],
  earlier: readonly CreditNoteLine[],
): CreditNoteLine[] {
  const lines: CreditNoteLine[] = [];
  for (const one of credited) {
    if (one.type === 'custom_line_item') {
      const amount = lineAmount(one.unitDecimal, one.quantity);
      const { description, metadata, quantity, type } = one;
      lines.push(creditLine({ amount, description, metadata, quantity, type, unit_amount_decimal: one.unitDecimal }));
    } else {
      const seen = [...earlier, ...lines].filter((line) => line.invoice_line_item === one.line.id);
      lines.push(ofInvoiceLine(one, one.line.amount - seen.reduce((sum, line) => sum + line.amount, 0)));
    }
  }
  if (lines.length === 0) throw invalidRequest(`Nothing of invoice ${invoice.id} is credited.`, { param: 'lines' });
  return lines;
}

/** What a credit note over these lines comes to. */
export function creditSums(lines: readonly CreditNoteLine[]) {
  const subtotal = lines.reduce((sum, line) => sum + line.amount, 0);
  const off = lines.reduce((sum, line) => sum + line.discount_amount, 0);
  const discounts = [...new Set(lines.flatMap((line) => line.discount_amounts.map((one) => one.discount)))];
  const amounts = discounts.map((discount) => {
    const parts = lines.flatMap((line) => line.discount_amounts).filter((one) => one.discount === discount);
    return { amount: parts.reduce((sum, one) => sum + one.amount, 0), discount };
  });
  return {
    amount: subtotal - off,
    discount_amount: off,
    discount_amounts: amounts,
    pretax_credit_amounts: amounts.map((one) => ({ ...one, type: 'discount' as const })),
    subtotal,
    subtotal_excluding_tax: subtotal - off,
    total: subtotal - off,
    total_excluding_tax: subtotal - off,
  };
}
