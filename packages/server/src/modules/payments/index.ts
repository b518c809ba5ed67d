/** Payments: checkouts, from a plan to a page where it can be paid. */

export { type CreditPurchase, type CreditPurchases, createCreditPurchases } from './credit-purchases.ts';
export { type CreditSales, createCreditSales } from './credit-sales.ts';
export { type Discount, discountOf, explainRefusal, type StripeDiscount } from './discounts.ts';
export type { RecognizeSale, SoldElsewhere } from './elsewhere.ts';
export type {
  BillingFilter,
  BillingPage,
  BillingReader,
  Invoice,
  InvoiceFilter,
  Payment,
} from './invoices.ts';
export {
  type AttachRequest,
  createPaymentMethods,
  type DefaultRequest,
  type PaymentMethodIntents,
  type PaymentMethodService,
} from './payment-methods.ts';
export { createPortal, type Portal } from './portal.ts';
export { createPurchases } from './purchase.ts';
export {
  createRefunds,
  type MadeRefund,
  type RefundablePayment,
  type RefundIntents,
  type RefundRequest,
  type RefundService,
} from './refunds.ts';
export { checkoutRoutes } from './routes/checkouts.ts';
export { creditRoutes } from './routes/credits.ts';
export { invoiceRoutes } from './routes/invoices.ts';
export { paymentMethodRoutes } from './routes/payment-methods.ts';
export { portalRoutes } from './routes/portal.ts';
export { refundRoutes } from './routes/refunds.ts';
export {
  type Checkout,
  type CheckoutIntents,
  type CheckoutRequest,
  type CheckoutService,
  type CheckoutSession,
  type CheckoutsOptions,
  createCheckouts,
} from './service.ts';
export type { PaidTerm, PaymentFacts } from './taken-back.ts';
export { createWithdrawals, type FollowPayments } from './withdrawals.ts';
