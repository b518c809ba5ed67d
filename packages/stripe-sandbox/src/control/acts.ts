import { completeSession } from '../billing/checkout.ts';
import { enterCode } from '../billing/checkout-discounts.ts';
import { answerAuthentication } from '../billing/collection.ts';
import { attachPaymentMethod, resolvePaymentMethod } from '../billing/payment-methods.ts';
import type { Authentication } from '../billing/payments.ts';
import { answerSetupAuthentication } from '../billing/setup.ts';
import type { Engine } from '../engine.ts';
import { ApiError, invalidRequest } from '../http/api-error.ts';
import { isObject, type JsonObject } from '../json.ts';
import { isEnded } from '../objects/subscription.ts';
import { equals } from '../store/conditions.ts';
import { BY_THE_CLOCK, type Work } from '../work.ts';

/** Things people do on Stripe's own pages, done by a program. */

/** Runs what may be declined: a decline that leaves traces keeps them, and is thrown all the same. */
export function runKeepingDeclines<T>(engine: Engine, body: (work: Work) => T): T {
  let declined: ApiError | undefined;
  const result = engine.run(BY_THE_CLOCK, (work) => {
    try {
      return body(work);
    } catch (error) {
      if (!(error instanceof ApiError) || !error.keepChanges) throw error;
      declined = error;
      return undefined;
    }
  });
  if (declined !== undefined) throw declined;
  return result as T;
}

const DEFAULT_EMAIL = 'customer@example.com';

/** What a person does on the hosted Checkout page. */
export function completeByControl(
  engine: Engine,
  sessionId: string,
  buyer: {
    paymentMethod: string;
    email: string | null;
    name: string | null;
    authentication: Authentication;
    promotionCode: string | null;
  },
): JsonObject {
  return runKeepingDeclines(engine, (work) => {
    const found = work.require('checkout.session', sessionId, 'id');
    const session = buyer.promotionCode === null ? found : enterCode(work, found, buyer.promotionCode);
    const known = session.customer !== null || session.customer_email !== null;
    return completeSession(work, session, {
      paymentMethod: resolvePaymentMethod(work, buyer.paymentMethod, 'payment_method'),
      email: buyer.email ?? (known ? null : DEFAULT_EMAIL),
      name: buyer.name,
      authentication: buyer.authentication,
    });
  });
}

/** What a customer answers their bank, for an intent that waits for it. */
export function authenticateByControl(engine: Engine, intentId: string, authentication: Authentication): JsonObject {
  return engine.run(BY_THE_CLOCK, (work) => {
    const intent = work.require('payment_intent', intentId, 'id');
    if (intent.status !== 'requires_action') {
      throw invalidRequest(`This PaymentIntent does not wait for authentication: it is ${intent.status}.`);
    }
    return answerAuthentication(work, intent, authentication);
  });
}

/** The same for a setup intent. */
export function authenticateSetupByControl(engine: Engine, id: string, authentication: Authentication): JsonObject {
  return engine.run(BY_THE_CLOCK, (work) => {
    const intent = work.require('setup_intent', id, 'id');
    if (intent.status !== 'requires_action') {
      throw invalidRequest(`This SetupIntent does not wait for authentication: it is ${intent.status}.`);
    }
    return answerSetupAuthentication(work, intent, authentication);
  });
}

/** Attaches a card and makes it the default of the customer and of the customer's running subscriptions. */
export function attachByControl(engine: Engine, customerId: string, paymentMethodId: string): JsonObject {
  return engine.run(BY_THE_CLOCK, (work) => {
    const customer = work.require('customer', customerId, 'id');
    const resolved = resolvePaymentMethod(work, paymentMethodId, 'payment_method');
    const attached = attachPaymentMethod(work, resolved, customer.id);
    const settings = { ...customer.invoice_settings, default_payment_method: attached.id };
    work.update(customer, { invoice_settings: settings }, 'customer.updated');
    for (const subscription of work.select('subscription', [equals('$.customer', customer.id)])) {
      if (isEnded(subscription)) continue;
      work.update(subscription, { default_payment_method: attached.id }, 'customer.subscription.updated');
    }
    return attached;
  });
}

/** The webhook endpoints with their signing secrets, which the API shows only once. */
export function listEndpoints(engine: Engine): JsonObject {
  return engine.run(BY_THE_CLOCK, (work) => {
    const data = work.select('webhook_endpoint', []).map((endpoint) => {
      const hidden = work.hidden(endpoint.id);
      return { id: endpoint.id, url: endpoint.url, secret: isObject(hidden) ? hidden.secret : undefined };
    });
    return { object: 'list', data };
  });
}
