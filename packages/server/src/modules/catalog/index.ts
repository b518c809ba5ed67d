/** The catalog as the outside sees it. */

export { publicProduct } from './public-product.ts';
export { type PublicProduct, productSchema } from './schemas.ts';
