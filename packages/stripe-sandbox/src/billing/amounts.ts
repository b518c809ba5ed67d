const PLACES = 12;
/** How many parts of {@link scaled} are one. */
export const SCALE = 10n ** BigInt(PLACES);
const EXACT = SCALE * SCALE;

/** A decimal string as an integer of 10^-12. */
export function scaled(decimal: string): bigint {
  if (decimal.startsWith('-')) return -scaled(decimal.slice(1));
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole) * SCALE + BigInt(fraction.padEnd(PLACES, '0'));
}

/** The amount as whole minor units, or null when it has a fraction. */
export function wholeAmount(decimal: string): number | null {
  const value = scaled(decimal);
  return value % SCALE === 0n ? Number(value / SCALE) : null;
}

/** `unit` × `quantity` in minor units, rounded half up, once; what is given back is rounded as what is charged. */
export function lineAmount(unitDecimal: string, quantity: number): number {
  if (unitDecimal.startsWith('-')) return -lineAmount(unitDecimal.slice(1), quantity);
  const total = scaled(unitDecimal) * BigInt(quantity);
  return Number((total + SCALE / 2n) / SCALE);
}

/** The decimal string of an integer of 10^-12, without needless zeros. */
export function unscaled(value: bigint): string {
  if (value < 0n) return `-${unscaled(-value)}`;
  const fraction = String(value % SCALE)
    .padStart(PLACES, '0')
    .replace(/0+$/, '');
  return `${value / SCALE}${fraction === '' ? '' : `.${fraction}`}`;
}

/** An exact amount, an integer of 10^-24 minor units, rounded half up. */
export function roundedAmount(exact: bigint): number {
  if (exact < 0n) return -roundedAmount(-exact);
  return Number((2n * exact + EXACT) / (2n * EXACT));
}

/**
 * The share `part` / `whole` of an exact amount (of 10^-24), of which discounts left `net` of `gross`; rounded half up, once,
 * at the end.
 */
export function proratedAmount(
  exact: bigint,
  share: { part: number; whole: number; net: number; gross: number },
): number {
  if (share.gross === 0 || share.whole === 0) return 0;
  const dividend = exact * BigInt(share.part) * BigInt(share.net);
  const divisor = EXACT * BigInt(share.whole) * BigInt(share.gross);
  return Number((2n * dividend + divisor) / (2n * divisor));
}

/**
 * What is to be paid of an invoice over `total` by a customer with this balance (credit is negative), and the balance that is
 * left (https://docs.stripe.com/billing/customer/balance): credit pays first, and a negative total becomes credit.
 */
export function dueOf(total: number, balance: number): { due: number; left: number } {
  const sum = total + balance;
  return { due: Math.max(0, sum), left: Math.min(0, sum) };
}

const ZERO_DECIMAL = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf'.split(' '));

/** For people: `$25.00`, `¥500`. */
export function formatAmount(minorUnits: number, currency: string): string {
  const places = ZERO_DECIMAL.has(currency) ? 0 : 2;
  const value = minorUnits / 10 ** places;
  return new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency: currency.toUpperCase(),
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  }).format(value);
}
