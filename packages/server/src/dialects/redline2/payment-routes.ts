import { LatchkeyError } from '@latchkey/core';
import type { Http } from '../../http/index.ts';
import { balanceOf, type HoursHouse, hoursMeter, licenseByKey } from './house.ts';
import { assertPayable, beginPurchase, quoteOf, type SellingHouse } from './purchases.ts';
import {
  balanceQuery,
  checkoutAnswer,
  checkoutBody,
  figuresAnswer,
  packagesAnswer,
  quoteAnswer,
  quoteQuery,
} from './schemas.ts';
import { amountOf, figuresOf, hoursOf, maskedKey, packagesView, priceText } from './to-wire.ts';

/** What is left and what is for sale: works without Stripe as well. */
export function balanceRoutes(http: Http, house: HoursHouse): void {
  const { product } = house;
  http.get(
    '/payments/balance',
    {
      config: { access: 'anyone' },
      schema: {
        tags: [product.name],
        summary: 'What is left on a licence',
        querystring: balanceQuery,
        response: { 200: figuresAnswer },
      },
    },
    async (request) => {
      const header = request.headers['x-license-key'];
      const key = request.query.license_key ?? (typeof header === 'string' ? header : undefined);
      if (key === undefined) {
        throw new LatchkeyError('invalid_request', 'license_key is required', { path: 'license_key' });
      }
      const license = await licenseByKey(request, key, house);
      const figures = figuresOf(await balanceOf(license, house), hoursMeter(product));
      return { license_key: maskedKey(product, license.keyHint), ...figures };
    },
  );

  http.get(
    '/payments/packages',
    {
      config: { access: 'anyone' },
      schema: { tags: [product.name], summary: 'Hours for sale', response: { 200: packagesAnswer } },
    },
    async () => packagesView(product, hoursMeter(product).id),
  );
}

/** Buying, as programs do it. */
export function buyingRoutes(http: Http, house: SellingHouse): void {
  const { product } = house;
  http.post(
    '/payments/create-checkout',
    {
      config: { access: 'anyone', rateLimit: { name: 'checkouts', limit: 60, windowSeconds: 60 } },
      schema: {
        tags: [product.name],
        summary: 'Begin to buy hours for a licence',
        description: 'For whoever holds its key. A package, or hours of your choice.',
        body: checkoutBody,
        response: { 200: checkoutAnswer },
      },
    },
    async (request) => {
      assertPayable(house);
      const { license_key, ...asked } = request.body;
      quoteOf(asked, house);
      const license = await licenseByKey(request, license_key, house);
      const { offer, session } = await beginPurchase(request, { license, asked }, house);
      return {
        checkout_url: session.url,
        session_id: session.id,
        hours: hoursOf(offer.steps, offer.meter),
        ...amountOf(offer.price.amountCents, offer.price.currency),
      };
    },
  );

  http.get(
    '/payments/quote',
    {
      config: { access: 'anyone' },
      schema: {
        tags: [product.name],
        summary: 'What hours of your choice cost',
        querystring: quoteQuery,
        response: { 200: quoteAnswer },
      },
    },
    async ({ query }) => {
      const { steps, meter, price } = quoteOf({ hours: query.hours }, house);
      const { amountCents, currency } = price;
      return {
        hours: hoursOf(steps, meter),
        ...amountOf(amountCents, currency),
        text: priceText(amountCents, currency),
      };
    },
  );
}
