import type { Price, Tier } from '../objects/price.ts';
import type { Work } from '../work.ts';
import { roundedAmount, SCALE, scaled } from './amounts.ts';

/**
 * What a quantity costs (https://docs.stripe.com/products-prices/pricing-models). Quantities are integers of 10^-12, exact
 * amounts integers of 10^-24 minor units, so that nothing is rounded before a line is.
 */

/** One charge of a price: a line of an invoice. */
export type Charge = {
  /** The part of the quantity that it is for. */
  quantity: bigint;
  unitDecimal: string | null;
  /** The number of the tier, and whether this is its flat fee; null where the price has no tiers. */
  tier: { number: number; flat: boolean } | null;
  exact: bigint;
};

/** The tiers of a price; undefined for one without. They are shown only when asked for, so they are kept beside it. */
export function tiersOf(work: Work, price: string): Tier[] | undefined {
  const hidden = work.hidden(price);
  return Array.isArray(hidden) ? (hidden as unknown as Tier[]) : undefined;
}

/** The amount of a price that has a single one. */
export function unitOf(price: Price): string {
  if (price.unit_amount_decimal !== null) return price.unit_amount_decimal;
  throw new Error(`The price ${price.id} has no single amount`);
}

function chargesIn(tier: Tier, number: number, quantity: bigint): Charge[] {
  const unit = tier.unit_amount_decimal ?? '0';
  const units = { quantity, unitDecimal: unit, tier: { number, flat: false }, exact: scaled(unit) * quantity };
  const flat = tier.flat_amount_decimal;
  if (flat === null) return [units];
  const fee = { quantity: 0n, unitDecimal: null, tier: { number, flat: true }, exact: scaled(flat) * SCALE };
  return tier.unit_amount_decimal === null ? [{ ...fee, quantity }] : [units, fee];
}

/** The end of a tier as a quantity; undefined for the last one, which has none. */
function endOf(tier: Tier): bigint | undefined {
  return tier.up_to === null ? undefined : BigInt(tier.up_to) * SCALE;
}

/** Every tier that is reached charges for what lies in it; the first one is reached by nothing at all. */
function graduated(tiers: readonly Tier[], quantity: bigint): Charge[] {
  const charges: Charge[] = [];
  let from = 0n;
  for (const [index, tier] of tiers.entries()) {
    const end = endOf(tier);
    const to = end === undefined || quantity < end ? quantity : end;
    charges.push(...chargesIn(tier, index + 1, to - from));
    from = to;
    if (from === quantity) break;
  }
  return charges;
}

/** The tier that the whole quantity reaches charges for all of it. */
function byVolume(tiers: readonly Tier[], quantity: bigint): Charge[] {
  const index = tiers.findIndex((tier) => quantity <= (endOf(tier) ?? quantity));
  const tier = tiers[index];
  return tier === undefined ? [] : chargesIn(tier, index + 1, quantity);
}

/** The quantity that is priced: of a price by the package, how many packages. */
function transformed(price: Price, quantity: bigint): bigint {
  const by = price.transform_quantity;
  if (by === null) return quantity;
  const size = BigInt(by.divide_by) * SCALE;
  const whole = quantity / size;
  return (by.round === 'up' && quantity % size > 0n ? whole + 1n : whole) * SCALE;
}

/** What a quantity of a price is charged as, line by line. */
export function chargesOf(work: Work, price: Price, quantity: bigint): Charge[] {
  const tiers = tiersOf(work, price.id);
  if (tiers !== undefined)
    return price.tiers_mode === 'volume' ? byVolume(tiers, quantity) : graduated(tiers, quantity);
  const unitDecimal = unitOf(price);
  return [{ quantity, unitDecimal, tier: null, exact: scaled(unitDecimal) * transformed(price, quantity) }];
}

/** A whole quantity in the measure of this file. */
export function unitsOf(quantity: number): bigint {
  return BigInt(quantity) * SCALE;
}

/** What a quantity costs before it is rounded. */
export function exactAmount(work: Work, price: Price, quantity: number): bigint {
  return chargesOf(work, price, unitsOf(quantity)).reduce((sum, charge) => sum + charge.exact, 0n);
}

/** What a quantity costs: the sum of its lines, each of which is rounded half up. */
export function amountFor(work: Work, price: Price, quantity: number): number {
  return chargesOf(work, price, unitsOf(quantity)).reduce((sum, charge) => sum + roundedAmount(charge.exact), 0);
}
