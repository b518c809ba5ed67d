/** The catalog as the outside sees it, and how it gets into Stripe. */

export { registerProductRoutes } from './routes/products.ts';
export { catalogRoutes } from './routes/push.ts';
