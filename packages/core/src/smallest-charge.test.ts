import { describe, expect, it } from 'vitest';
import { formatMoney } from './money.ts';
import { smallestCharge } from './smallest-charge.ts';

describe('the smallest charge', () => {
  it('is Stripe’s of each currency it names', () => {
    const named = 'usd aed aud bgn brl cad chf czk dkk eur gbp hkd huf inr jpy mxn myr nok nzd pln ron sek sgd thb';
    expect(named.split(' ').map((currency) => formatMoney(smallestCharge(currency)))).toEqual([
      ...['0.50 USD', '2.00 AED', '0.50 AUD', '1.00 BGN', '0.50 BRL', '0.50 CAD', '0.50 CHF', '15.00 CZK'],
      ...['2.50 DKK', '0.50 EUR', '0.30 GBP', '4.00 HKD', '175.00 HUF', '0.50 INR', '50 JPY', '10.00 MXN'],
      ...['2.00 MYR', '3.00 NOK', '0.50 NZD', '2.00 PLN', '2.00 RON', '3.00 SEK', '0.50 SGD', '10.00 THB'],
    ]);
  });

  it('is the least there is of any other', () => {
    expect(smallestCharge('kwd')).toEqual({ amountCents: 1, currency: 'kwd' });
  });
});
