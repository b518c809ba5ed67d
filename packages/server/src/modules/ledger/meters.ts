import {
  type Catalog,
  decimalsOfMeter,
  findProduct,
  LatchkeyError,
  type Meter,
  parseMeterQuantity,
} from '@latchkey/core';
import { type AccountReference, accountId, type LedgerOwner } from './account-reference.ts';

/** An account by name: whether it was used yet or not. */
export interface MeteredAccount {
  readonly id: string;
  readonly reference: AccountReference;
  readonly meter: Meter;
}

/** Whose account, and of which product's meters; a customer's own may be of any. */
export interface AccountOwner {
  readonly owner: LedgerOwner;
  readonly product: string | undefined;
}

/** The owner's account of a meter. Throws `meter_unknown` when there is no such meter, or when it could be one of several products'. */
export function findAccount(catalog: Catalog, { owner, product }: AccountOwner, meterId: string): MeteredAccount {
  const found = catalog.products
    .filter(({ id }) => product === undefined || id === product)
    .flatMap(({ id, meters }) =>
      meters.filter((meter) => meter.id === meterId).map((meter) => ({ product: id, meter })),
    );
  const [only, another] = found;
  if (only === undefined) {
    const where = product === undefined ? 'the catalog' : `the product ${product}`;
    throw new LatchkeyError('meter_unknown', `There is no meter "${meterId}" in ${where}.`, { path: 'meter' });
  }
  if (another !== undefined) {
    const detail = `Several products have a meter "${meterId}": name the product.`;
    throw new LatchkeyError('meter_unknown', detail, { path: 'product' });
  }
  const reference = { owner, product: only.product, meter: meterId };
  return { id: accountId(reference), reference, meter: only.meter };
}

/** All accounts an owner has or may come to have, by the catalog. */
export function accountsOf(catalog: Catalog, owner: LedgerOwner, productId: string): MeteredAccount[] {
  const product = findProduct(catalog, productId);
  return (product?.meters ?? []).map((meter) => {
    const reference = { owner, product: productId, meter: meter.id };
    return { id: accountId(reference), reference, meter };
  });
}

/** A quantity as it was sent, in the meter's steps. Throws `quantity_invalid` for what is not one above zero. */
export function readQuantity(given: number | string, meter: Meter, path = 'quantity'): number {
  const steps = parseMeterQuantity(String(given).trim(), meter);
  if (steps !== null && steps > 0) return steps;
  const decimals = decimalsOfMeter(meter);
  throw new LatchkeyError('quantity_invalid', `${path}: send a number above zero with ${placesOf(decimals)}.`, {
    path,
    meta: { decimals },
  });
}

function placesOf(decimals: number): string {
  return decimals === 0 ? 'no decimal places' : `at most ${decimals} decimal places, and no exponent`;
}
