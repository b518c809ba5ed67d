import { LatchkeyError } from '@latchkey/core';
import type { Http } from '../../http/index.ts';
import { balanceOf, type HoursHouse, hoursMeter, licenseByKey } from './house.ts';
import { balanceQuery, figuresAnswer, packagesAnswer } from './schemas.ts';
import { figuresOf, maskedKey, packagesView } from './to-wire.ts';

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
