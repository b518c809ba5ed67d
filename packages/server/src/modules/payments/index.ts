/** Payments: checkouts, from a plan to a page where it can be paid. */

export { createPurchases } from './purchase.ts';
export { checkoutRoutes } from './routes/checkouts.ts';
export {
  type Checkout,
  type CheckoutIntents,
  type CheckoutRequest,
  type CheckoutService,
  type CheckoutSession,
  type CheckoutsOptions,
  createCheckouts,
} from './service.ts';
