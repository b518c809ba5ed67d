import { LatchkeyError } from '@latchkey/core';
import type { StripeClient } from './client.ts';

const refuse = async (): Promise<never> => {
  throw new LatchkeyError(
    'stripe_not_configured',
    'Set STRIPE_SECRET_KEY to take payments; everything that needs no payment works without it.',
  );
};

/** Stands where the Stripe client would, on a server that was started without a Stripe key: every call says so. */
export const stripeNotConfigured: StripeClient = {
  circuit: 'closed',
  accountId: refuse,
  fetch: refuse,
  listPage: refuse,
  invoicesOf: refuse,
  invoicePaymentsOf: refuse,
  createCustomer: refuse,
  createCheckoutSession: refuse,
  createSubscription: refuse,
  updateSubscription: refuse,
  cancelSubscription: refuse,
  createRefund: refuse,
  listWebhookEndpoints: refuse,
  createWebhookEndpoint: refuse,
  findOrCreateProduct: refuse,
  updateProduct: refuse,
  findOrCreatePrice: refuse,
  activatePrice: refuse,
  retrievePrice: refuse,
};
