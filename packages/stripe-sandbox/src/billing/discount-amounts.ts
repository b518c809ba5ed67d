import type { DiscountAmount } from '../objects/discount.ts';
import type { InvoiceLine } from '../objects/invoice.ts';

/** What a coupon takes off, kept with each discount: a coupon that is deleted goes on working where it was redeemed. */
export type Terms = {
  percentOff: number | null;
  amountOff: number | null;
  /** Only lines of these products; null for all. */
  products: string[] | null;
  once: boolean;
};

type Priced = {
  amount: number;
  discountable: boolean;
  product: string | null;
};

const PERCENT_SCALE = 10_000n;

function percentOf(amount: number, percent: number): number {
  const whole = 100n * PERCENT_SCALE;
  const part = BigInt(amount) * BigInt(Math.round(percent * Number(PERCENT_SCALE)));
  return Number((part + whole / 2n) / whole);
}

/** Divides `amount` among the weights without losing a cent. */
function shares(amount: number, weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let seen = 0;
  let given = 0;
  return weights.map((weight) => {
    seen += weight;
    const until = total === 0 ? 0 : Math.round((amount * seen) / total);
    const share = until - given;
    given = until;
    return share;
  });
}

/** Whether this line is one that the coupon takes something off. */
function isEligible(line: Priced, terms: Terms): boolean {
  if (!line.discountable || line.amount <= 0) return false;
  return terms.products === null || (line.product !== null && terms.products.includes(line.product));
}

/**
 * What the discounts take off each line, in the order given, each from what the ones before have left
 * (https://docs.stripe.com/billing/subscriptions/coupons#stacking). A percentage is rounded half up on each line; an
 * amount is divided among the lines by what they cost and never takes more than there is.
 */
export function discountAmounts(
  lines: readonly Priced[],
  discounts: readonly { id: string; terms: Terms }[],
): DiscountAmount[][] {
  const left = lines.map((line) => line.amount);
  const found: DiscountAmount[][] = lines.map(() => []);
  for (const { id, terms } of discounts) {
    const open = lines.map((line, index) => (isEligible(line, terms) ? (left[index] ?? 0) : 0));
    const sum = open.reduce((total, amount) => total + amount, 0);
    const parts =
      terms.percentOff === null
        ? shares(Math.min(terms.amountOff ?? 0, sum), open)
        : open.map((amount) => percentOf(amount, terms.percentOff ?? 0));
    for (const [index, amount] of parts.entries()) {
      if (open[index] === 0) continue;
      left[index] = (left[index] ?? 0) - amount;
      found[index]?.push({ amount, discount: id });
    }
  }
  return found;
}

function asCredits(amounts: readonly DiscountAmount[]) {
  return amounts.map((one) => ({ ...one, type: 'discount' as const }));
}

/** The lines with what is taken off each, and the sums of it for each discount. */
export function discounted(lines: readonly InvoiceLine[], discounts: readonly { id: string; terms: Terms }[]) {
  const priced = lines.map((line) => ({ ...line, product: line.pricing?.price_details?.product ?? null }));
  const amounts = discountAmounts(priced, discounts);
  const totals = discounts.map(({ id }) => {
    const parts = amounts.flat().filter((one) => one.discount === id);
    return { amount: parts.reduce((sum, one) => sum + one.amount, 0), discount: id };
  });
  return {
    lines: lines.map((line, index) => {
      const own = amounts[index] ?? [];
      return { ...line, discount_amounts: own, pretax_credit_amounts: asCredits(own) };
    }),
    members: {
      discounts: discounts.map(({ id }) => id),
      total_discount_amounts: totals,
      total_pretax_credit_amounts: asCredits(totals),
    },
    amount: totals.reduce((sum, one) => sum + one.amount, 0),
  };
}
