/** Exact numbers, and the one place where something exact becomes a whole number. */

/** Both parts are integers, the denominator is above zero, and they share no factor. */
export interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
}

/** The fraction in lowest terms. Throws a RangeError for parts that are not safe integers or a denominator of 0. */
export function fraction(numerator: number, denominator: number): Fraction {
  if (!Number.isSafeInteger(numerator) || !Number.isSafeInteger(denominator) || denominator === 0) {
    throw new RangeError(`${numerator}/${denominator} is not a fraction of safe integers`);
  }
  const divisor = greatestCommonDivisor(Math.abs(numerator), Math.abs(denominator));
  const sign = denominator < 0 ? -1 : 1;
  return { numerator: (sign * numerator) / divisor + 0, denominator: (sign * denominator) / divisor };
}

/** The exact value of a decimal such as `0.2` or `12`; null when the text is not one or its parts are not safe integers. */
export function parseFraction(text: string): Fraction | null {
  const match = /^(-?)(\d{1,16})(?:\.(\d{1,15}))?$/.exec(text);
  if (match === null) return null;
  const decimals = match[3] ?? '';
  const numerator = Number(`${match[1]}${match[2]}${decimals}`);
  const denominator = 10 ** decimals.length;
  return Number.isSafeInteger(numerator) ? fraction(numerator, denominator) : null;
}

/**
 * `numerator / denominator` as a whole number: to the nearest, and a half away from zero, as invoices and Stripe round.
 * This is the only rounding rule in the house.
 */
export function roundHalfAwayFromZero(numerator: bigint, denominator: bigint): bigint {
  if (denominator === 0n) throw new RangeError('division by zero');
  const negative = numerator < 0n !== denominator < 0n;
  const top = numerator < 0n ? -numerator : numerator;
  const bottom = denominator < 0n ? -denominator : denominator;
  const rounded = (2n * top + bottom) / (2n * bottom);
  return negative ? -rounded : rounded;
}

/** A number for a bigint that fits. Throws a RangeError beyond 2^53, where a number would lose digits. */
export function toSafeInteger(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is beyond what can be counted exactly`);
  return number;
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left || 1 : greatestCommonDivisor(right, left % right);
}
