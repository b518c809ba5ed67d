import type { Charge, Refund } from './charge.ts';
import type { CheckoutSession } from './checkout-session.ts';
import type { Coupon } from './coupon.ts';
import type { CreditNote } from './credit-note.ts';
import type { Customer } from './customer.ts';
import type { CustomerBalanceTransaction } from './customer-balance-transaction.ts';
import type { Discount } from './discount.ts';
import type { Dispute } from './dispute.ts';
import type { Event } from './event.ts';
import type { Invoice, InvoicePayment } from './invoice.ts';
import type { InvoiceItem } from './invoice-item.ts';
import type { PaymentIntent } from './payment-intent.ts';
import type { PaymentMethod } from './payment-method.ts';
import type { Price } from './price.ts';
import type { Product } from './product.ts';
import type { PromotionCode } from './promotion-code.ts';
import type { Subscription } from './subscription.ts';
import type { SubscriptionSchedule } from './subscription-schedule.ts';
import type { TestClock } from './test-clock.ts';
import type { WebhookEndpoint } from './webhook-endpoint.ts';

/** Every kind of object that is stored on its own, by its `object` name. */
export type StripeObjects = {
  charge: Charge;
  'checkout.session': CheckoutSession;
  coupon: Coupon;
  credit_note: CreditNote;
  customer: Customer;
  customer_balance_transaction: CustomerBalanceTransaction;
  discount: Discount;
  dispute: Dispute;
  event: Event;
  invoice: Invoice;
  invoice_payment: InvoicePayment;
  invoiceitem: InvoiceItem;
  payment_intent: PaymentIntent;
  payment_method: PaymentMethod;
  price: Price;
  product: Product;
  promotion_code: PromotionCode;
  refund: Refund;
  subscription: Subscription;
  subscription_schedule: SubscriptionSchedule;
  'test_helpers.test_clock': TestClock;
  webhook_endpoint: WebhookEndpoint;
};

export type ObjectName = keyof StripeObjects;
