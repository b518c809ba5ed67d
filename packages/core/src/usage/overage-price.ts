/** What use beyond a plan costs, and which of it Stripe can count by itself. */

import { isRecurring } from '../catalog/lookup.ts';
import type { Allowance, Meter, Plan, Product, UnitPrice } from '../catalog/types.ts';
import { roundHalfAwayFromZero, toSafeInteger } from '../fraction.ts';
import { parseMeterQuantity } from '../ledger/meter-quantity.ts';

/** How many steps of a meter its unit is. */
export function stepsPerUnit(meter: Pick<Meter, 'kind' | 'scale' | 'unit'>): number {
  const steps = parseMeterQuantity('1', meter);
  if (steps === null) throw new RangeError(`A ${meter.unit} cannot be counted in safe steps`);
  return steps;
}

/** What so many steps cost in the currency's smallest unit, rounded once, a half away from zero. */
export function overageCents(rate: UnitPrice, steps: number, stepsOfUnit: number): number {
  const cents = BigInt(rate.amountCents) * BigInt(steps);
  return toSafeInteger(roundHalfAwayFromZero(cents, BigInt(rate.perUnits) * BigInt(stepsOfUnit)));
}

/** Whether what so many steps cost can be counted exactly: beyond that no bill is written. */
export function canBeBilled(rate: UnitPrice, steps: number, stepsOfUnit: number): boolean {
  const cents = (BigInt(rate.amountCents) * BigInt(steps)) / (BigInt(rate.perUnits) * BigInt(stepsOfUnit));
  return cents < BigInt(Number.MAX_SAFE_INTEGER);
}

/** As many decimal places as Stripe takes in `unit_amount_decimal`. */
const PLACES = 12;

/** The price of one unit as Stripe writes it, such as `0.5`; null when it is no such decimal, as a cent for three is not. */
export function unitAmountDecimal({ amountCents, perUnits }: UnitPrice): string | null {
  const scaled = BigInt(amountCents) * 10n ** BigInt(PLACES);
  if (scaled % BigInt(perUnits) !== 0n) return null;
  const digits = String(scaled / BigInt(perUnits)).padStart(PLACES + 1, '0');
  const places = digits.slice(-PLACES).replace(/0+$/, '');
  return `${digits.slice(0, -PLACES)}${places === '' ? '' : `.${places}`}`;
}

/** An allowance whose overage Stripe counts on a metered price beside the plan's. */
export interface MeteredOverage {
  readonly meter: Meter;
  readonly rate: UnitPrice;
  readonly unitAmount: string;
}

/**
 * What of a plan's overage is billed by metered prices: sums of quantities at a price that is a decimal. Anything else goes on
 * the invoice as an amount: time has finer steps than a decimal, and a maximum or a last value can become less again.
 */
export function meteredOverage(product: Pick<Product, 'overage' | 'meters'>, plan: Plan): MeteredOverage[] {
  if (product.overage !== 'meter_events' || !isRecurring(plan)) return [];
  return plan.allowances.flatMap((allowance) => meteredOf(product, allowance));
}

function meteredOf(product: Pick<Product, 'meters'>, { meter: id, limit, overage: rate }: Allowance): MeteredOverage[] {
  const meter = product.meters.find((one) => one.id === id);
  if (meter === undefined || rate === null || limit !== 'overage' || rate.amountCents === 0) return [];
  const unitAmount = unitAmountDecimal(rate);
  const isAdded = meter.kind === 'quantity' && (meter.aggregation === 'sum' || meter.aggregation === 'count');
  return isAdded && unitAmount !== null ? [{ meter, rate, unitAmount }] : [];
}
