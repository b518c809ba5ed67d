/** Buying hours: where to pay, and what came of it. */

import { type CreditOffer, LatchkeyError } from '@latchkey/core';
import type { HttpRequest } from '../../http/index.ts';
import type { LicenseRecord } from '../../modules/licenses/index.ts';
import type { CheckoutService, CreditPurchases, CreditSales } from '../../modules/payments/index.ts';
import { type AskedHours, creditOrderOf } from './from-wire.ts';
import { balanceOf, type HoursHouse, hoursMeter } from './house.ts';
import { type Figures, figuresOf, hoursOf, maskedKey } from './to-wire.ts';

/** What of the house is needed to sell hours. */
export interface SellingHouse extends HoursHouse {
  checkouts: Pick<CheckoutService, 'create'>;
  credits: Pick<CreditSales, 'quote'> & Pick<CreditPurchases, 'settle'>;
  publicUrl: { readonly current: string };
  config: { readonly stripe: { readonly secretKey: string | null } };
  localStripe: { readonly url: string } | null;
}

/** Where customers pay; null where no Stripe is configured. */
export function checkoutOrigin({ localStripe, config }: Pick<SellingHouse, 'localStripe' | 'config'>): string | null {
  if (localStripe !== null) return localStripe.url;
  return config.stripe.secretKey === null ? null : 'https://checkout.stripe.com';
}

/** Throws `stripe_not_configured` where nobody can pay. */
export function assertPayable(house: SellingHouse): void {
  if (checkoutOrigin(house) !== null) return;
  const detail = 'Payments are not set up: this server has no Stripe key. Everything else works.';
  throw new LatchkeyError('stripe_not_configured', detail);
}

export function quoteOf(asked: AskedHours, { product, credits }: SellingHouse): CreditOffer {
  return credits.quote(product.id, creditOrderOf(asked, product));
}

/** Begins a purchase of hours for a licence; answers where to pay. */
export async function beginPurchase(
  request: HttpRequest,
  { license, asked }: { license: LicenseRecord; asked: AskedHours },
  house: SellingHouse,
): Promise<{ offer: CreditOffer; session: { id: string; url: string } }> {
  const { product, checkouts, publicUrl } = house;
  const offer = quoteOf(asked, house);
  const session = await checkouts.create(
    {
      product: product.id,
      credit: creditOrderOf(asked, product),
      licenseId: license.id,
      successUrl: `${publicUrl.current}/payments/success?session_id={CHECKOUT_SESSION_ID}`,
      cancelUrl: `${publicUrl.current}/payments/cancel`,
    },
    (work) => request.write(work),
  );
  return { offer, session };
}

/** A purchase whose hours are on the licence, or not yet. */
export interface SettledPurchase extends Figures {
  status: 'added' | 'pending';
  license_key: string;
  hours_added: number;
}

/**
 * What came of a purchase; Stripe is asked where no webhook told of it yet. Throws `resource_missing` for a session that is not of hours
 * sold here, and `invalid_request` for one that can no longer be paid.
 */
export async function settledPurchase(sessionId: string | undefined, house: SellingHouse): Promise<SettledPurchase> {
  assertPayable(house);
  if (sessionId === undefined || sessionId === '') {
    throw new LatchkeyError('invalid_request', 'session_id is required', { path: 'session_id' });
  }
  const purchase = await house.credits.settle(sessionId);
  const licenseId = purchase?.credit.license_id ?? null;
  const license = licenseId === null ? null : await house.licenseReader.find(licenseId);
  if (purchase === null || license === null || license.product !== house.product.id) {
    throw new LatchkeyError('resource_missing', 'There is no such purchase.', { path: 'session_id' });
  }
  if (purchase.status === 'closed') {
    throw new LatchkeyError('invalid_request', 'This checkout was not paid in time. Nothing was charged.');
  }
  const meter = hoursMeter(house.product);
  return {
    status: purchase.status === 'added' ? 'added' : 'pending',
    license_key: maskedKey(house.product, license.keyHint),
    hours_added: purchase.status === 'added' ? hoursOf(purchase.credit.quantity, meter) : 0,
    ...figuresOf(await balanceOf(license, house), meter),
  };
}
