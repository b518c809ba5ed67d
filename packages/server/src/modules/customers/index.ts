/** Customers: who bought, by our id, Stripe's, the vendor's, or an address. */

export {
  type CustomerIntents,
  type CustomersAtStripe,
  createCustomersAtStripe,
  type NewStripeCustomer,
  type StripeCustomerChange,
} from './at-stripe.ts';
export { type CustomerIdentity, createCustomerIdentity } from './identity.ts';
export { normalizeEmail } from './repository.ts';
export { customerRoutes } from './routes.ts';
export { type Customer, type CustomerService, createCustomerService, type KnownCustomer } from './service.ts';
