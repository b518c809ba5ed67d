import { type Catalog, findProduct, LatchkeyError } from '@latchkey/core';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { productSchema, publicProduct } from '../index.ts';

/** `GET /v1/products` and `GET /v1/products/:id`: what is sold, for anyone. The catalog is read once, so this asks no database. */
export function productRoutes(catalog: Catalog): FastifyPluginAsyncZod {
  const products = catalog.products.map(publicProduct);
  return async (app) => {
    app.get(
      '/v1/products',
      {
        config: { access: 'anyone' },
        schema: {
          summary: 'List products',
          description: 'Every product with its plans, prices and packs, in the order of the catalog.',
          tags: ['Products'],
          querystring: z.object({
            limit: z.coerce.number().int().min(1).max(100).default(20),
            after: z.string().max(100).optional().describe('`next` of the page before.'),
          }),
          response: {
            200: z.object({ data: z.array(productSchema), has_more: z.boolean(), next: z.string().nullable() }),
          },
        },
      },
      async ({ query: { limit, after } }) => {
        const first = after === undefined ? 0 : products.findIndex((product) => product.id === after) + 1;
        if (after !== undefined && first === 0) {
          throw new LatchkeyError('invalid_request', 'No page ends there; take `next` of the page before.', {
            path: 'after',
          });
        }
        const data = products.slice(first, first + limit);
        const hasMore = first + limit < products.length;
        return { data, has_more: hasMore, next: hasMore ? (data.at(-1)?.id ?? null) : null };
      },
    );

    app.get(
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
  };
}
