import type { InvoiceLine } from '../objects/invoice.ts';
import type { TaxAmount, TaxRate } from '../objects/tax-rate.ts';

/** Manual tax rates (https://docs.stripe.com/billing/taxes/tax-rates), rounded half up on each line. */

type TaxExempt = 'exempt' | 'none' | 'reverse';

const SCALE = 10_000;

/** `amount` × `part` / `whole`, rounded half away from zero: what is given back is taxed as what was charged. */
function share(amount: number, part: bigint, whole: bigint): number {
  if (amount < 0) return -share(-amount, part, whole);
  return Number((2n * BigInt(amount) * part + whole) / (2n * whole));
}

function scaled(percentage: number): bigint {
  return BigInt(Math.round(percentage * SCALE));
}

const REASONS = {
  exempt: 'customer_exempt',
  none: 'not_available',
  reverse: 'reverse_charge',
} as const satisfies Record<TaxExempt, TaxAmount['taxability_reason']>;

/**
 * The taxes on an amount. Inclusive ones are a part of it; exclusive ones are added, and counted from what the inclusive ones
 * leave. Who is exempt pays none, and neither do inclusive ones lower what they pay.
 */
export function taxesOn(amount: number, rates: readonly TaxRate[], exempt: TaxExempt): TaxAmount[] {
  const hundred = scaled(100);
  const inclusive = rates.filter((rate) => rate.inclusive);
  const whole = inclusive.reduce((sum, rate) => sum + scaled(rate.percentage), hundred);
  const included = inclusive.map((rate) => share(amount, scaled(rate.percentage), whole));
  const net = amount - included.reduce((sum, one) => sum + one, 0);
  return rates.map((rate) => {
    const due = rate.inclusive
      ? (included[inclusive.indexOf(rate)] ?? 0)
      : share(net, scaled(rate.percentage), hundred);
    return {
      // Nothing times a rate is nothing, never minus nothing.
      amount: exempt === 'none' ? due + 0 : 0,
      tax_behavior: rate.inclusive ? 'inclusive' : 'exclusive',
      tax_rate_details: { tax_rate: rate.id },
      taxability_reason: REASONS[exempt],
      taxable_amount: exempt === 'none' ? net : amount,
      type: 'tax_rate_details',
    };
  });
}

function sumOf(amounts: readonly number[]): number {
  return amounts.reduce((sum, one) => sum + one, 0);
}

/** Lines with their taxes, what each rate comes to in all, and what of it is added to the lines and what is in them. */
export function taxed(lines: readonly InvoiceLine[], rates: readonly TaxRate[], exempt: TaxExempt) {
  const withTaxes = lines.map((line) => {
    const off = sumOf(line.discount_amounts.map((one) => one.amount));
    return { ...line, taxes: taxesOn(line.amount - off, rates, exempt) };
  });
  const totals = taxesOn(0, rates, exempt).map((blank, index) => {
    const parts = withTaxes.flatMap((line) => line.taxes[index] ?? []);
    const taxable = sumOf(parts.map((part) => part.taxable_amount));
    return { ...blank, amount: sumOf(parts.map((part) => part.amount)), taxable_amount: taxable };
  });
  const of = (behavior: TaxAmount['tax_behavior'], taxes: readonly TaxAmount[]) =>
    sumOf(taxes.filter((one) => one.tax_behavior === behavior).map((one) => one.amount));
  return {
    lines: withTaxes,
    totals,
    added: of('exclusive', totals),
    included: of('inclusive', totals),
    /** What of the lines is tax before anything was taken off them. */
    includedInSubtotal: sumOf(lines.map((line) => of('inclusive', taxesOn(line.amount, rates, exempt)))),
  };
}
