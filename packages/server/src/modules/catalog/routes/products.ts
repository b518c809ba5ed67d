import { type Catalog, findProduct, LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import { type Http, pageOf, pageQuery } from '../../../http/index.ts';
import { publicProduct } from '../public-product.ts';
import { productSchema } from '../schemas.ts';

/** `GET /v1/products` and `GET /v1/products/:id`: what is sold, for anyone. The catalog does not change while the server runs. */
export function registerProductRoutes(http: Http, catalog: Catalog): void {
  const products = catalog.products.map(publicProduct);

  http.get(
    '/v1/products',
    {
      config: { access: 'anyone' },
      schema: {
        summary: 'List products',
        description: 'Every product with its plans, prices and packs, in the order of the catalog.',
        tags: ['Products'],
        querystring: pageQuery,
        response: { 200: pageOf(productSchema) },
      },
    },
    async ({ query: { limit, after } }) => {
      const first = after === undefined ? 0 : products.findIndex((product) => product.id === after) + 1;
      if (after !== undefined && first === 0) {
        throw new LatchkeyError('invalid_request', 'after is not what an earlier page answered as next.', {
          path: 'after',
        });
      }
      const data = products.slice(first, first + limit);
      const hasMore = first + limit < products.length;
      return { data, has_more: hasMore, next: hasMore ? (data.at(-1)?.id ?? null) : null };
    },
  );

  http.get(
    '/v1/products/:id',
    {
      config: { access: 'anyone' },
      schema: {
        summary: 'Read a product',
        tags: ['Products'],
        params: z.object({ id: z.string().max(100) }),
        response: { 200: productSchema },
      },
    },
    async ({ params: { id } }) => {
      const product = findProduct(catalog, id);
      if (product === null) throw new LatchkeyError('resource_missing', `There is no product "${id}".`);
      return publicProduct(product);
    },
  );
}
