import { type CreditOrder, LatchkeyError, type Product, parseMeterQuantity } from '@latchkey/core';
import { hoursMeter } from './house.ts';

/** What is to be bought, as callers say it. */
export interface AskedHours {
  hours?: number | string | null | undefined;
  package_id?: string | null | undefined;
}

/** A pack or a quantity. Where both are named they have to say the same: throws `invalid_request` otherwise, and for neither. */
export function creditOrderOf({ hours = null, package_id = null }: AskedHours, product: Product): CreditOrder {
  const meter = hoursMeter(product);
  const pack = product.packs.find(({ id }) => id === package_id);
  if (hours === null && package_id === null) {
    throw new LatchkeyError('invalid_request', 'hours or package_id is required', { path: 'hours' });
  }
  if (hours !== null && pack !== undefined) {
    const asked = parseMeterQuantity(String(hours).trim(), meter);
    if (asked !== parseMeterQuantity(String(pack.quantity), meter)) {
      const detail = `hours and package_id disagree: ${pack.id} has ${pack.quantity} hours`;
      throw new LatchkeyError('invalid_request', detail, { path: 'hours' });
    }
  }
  if (package_id !== null) return { pack: package_id, meter: meter.id };
  return { quantity: String(hours).trim(), meter: meter.id };
}

/** One field of a form that was sent; null where it is missing or empty. */
export function fieldOf(form: URLSearchParams, name: string): string | null {
  const value = form.get(name)?.trim();
  return value === undefined || value === '' ? null : value.slice(0, 2_048);
}

/** Whether the caller is somebody who looks at pages. */
export function wantsPage(accept: string | undefined): boolean {
  return accept !== undefined && /\btext\/html\b/.test(accept);
}
