/** The catalog as the outside sees it. */

export { publicProduct } from './public-product.ts';
export { registerProductRoutes } from './routes/products.ts';
export { catalogRoutes } from './routes/push.ts';
export { type PublicProduct, productSchema } from './schemas.ts';
