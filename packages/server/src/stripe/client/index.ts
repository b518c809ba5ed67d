/** The only way to Stripe. Everything the house asks of Stripe is a method of a file in this folder; nothing else knows the SDK. */

import Stripe from 'stripe';
import type { StripeCatalogApi } from '../../catalog/stripe-catalog-api.ts';
import type { Log } from '../../observability/log.ts';
import { type Circuit, createResilience, type ResilienceOptions } from '../resilience.ts';
import type { Calls } from './calls.ts';
import { catalogCalls } from './catalog.ts';
import { checkoutSessionCalls, type StripeCheckoutSessions } from './checkout-sessions.ts';
import { customerCalls, type StripeCustomers } from './customers.ts';
import { isOutage, stripesAnswer, translate, waitAsked } from './errors.ts';
import { toFetched } from './fetched.ts';
import { overageCalls, type StripeOverage } from './overage.ts';
import { paymentMethodCalls, type StripePaymentMethods } from './payment-methods.ts';
import { portalCalls, type StripePortal } from './portal.ts';
import { readingCalls, type StripeReading } from './reading.ts';
import { refundCalls, type StripeRefunds } from './refunds.ts';
import { type StripeSubscriptions, subscriptionCalls } from './subscriptions.ts';
import { type StripeWebhookEndpoints, webhookEndpointCalls } from './webhook-endpoints.ts';

export type { FetchedObject } from '../project.ts';
export type { WebhookEndpoint } from './webhook-endpoints.ts';

export interface StripeClientOptions {
  secretKey: string;
  /** A Stripe-compatible address; null is Stripe itself. */
  apiUrl: string | null;
  log: Log;
  /** Told of each call, retries and all, as it ends: `done`, or the code of the error it ended in. */
  called?(name: string, outcome: string, seconds: number): void;
  resilience?: Patience;
}

/** How long the house waits for Stripe, and when it stops asking for a while. */
export type Patience = Omit<ResilienceOptions, 'isOutage' | 'waitAsked' | 'circuitTurned'>;

/** Stripe, as the house uses it. Every write takes the key under which Stripe carries it out once. */
export interface StripeClient
  extends StripeCatalogApi,
    StripeReading,
    StripeCustomers,
    StripeCheckoutSessions,
    StripeOverage,
    StripePaymentMethods,
    StripePortal,
    StripeSubscriptions,
    StripeRefunds,
    StripeWebhookEndpoints {
  readonly circuit: Circuit;
}

/** The SDK gives up a little after the policy does, so that the socket does not outlive the call by much. */
const SDK_TIMEOUT_MS = 10_000;

export function createStripeClient({
  secretKey,
  apiUrl,
  log,
  called = () => {},
  resilience: patience = {},
}: StripeClientOptions): StripeClient {
  const sdk = new Stripe(secretKey, {
    ...addressOf(apiUrl),
    maxNetworkRetries: 0,
    timeout: SDK_TIMEOUT_MS,
    telemetry: false,
  });
  const resilience = createResilience({
    ...patience,
    isOutage,
    waitAsked,
    circuitTurned: (circuit) =>
      circuit === 'open'
        ? log.error({ circuit }, 'Stripe does not answer: calls to it are refused for a while')
        : log.info({ circuit }, 'Stripe answers again'),
  });

  const calls: Calls = {
    sdk,
    async call(name, work) {
      const began = performance.now();
      const end = (outcome: string) => called(name, outcome, (performance.now() - began) / 1_000);
      try {
        const answer = await resilience.run(async () => stripesAnswer(await work()));
        end('done');
        return answer;
      } catch (error) {
        const isRefusal = resilience.isRefusal(error);
        const known = translate(error, isRefusal, resilience.openSeconds);
        end(known.code);
        // What an open circuit refuses is many calls and one piece of news, which was told when it opened.
        const tell = isRefusal ? 'debug' : 'warn';
        log[tell]({ call: name, code: known.code, circuit: resilience.circuit() }, 'a call to Stripe failed');
        throw known;
      }
    },
    timed: async (name, work) => toFetched(await calls.call(name, work)),
  };

  return {
    get circuit() {
      return resilience.circuit();
    },
    ...readingCalls(calls),
    ...customerCalls(calls),
    ...checkoutSessionCalls(calls),
    ...paymentMethodCalls(calls),
    ...overageCalls(calls),
    ...portalCalls(calls),
    ...subscriptionCalls(calls),
    ...refundCalls(calls),
    ...webhookEndpointCalls(calls),
    ...catalogCalls(calls),
  };
}

function addressOf(apiUrl: string | null): Stripe.StripeConfig {
  if (apiUrl === null) return {};
  const { hostname, port, protocol } = new URL(apiUrl);
  const scheme = protocol === 'https:' ? 'https' : 'http';
  return { host: hostname, port: port === '' ? (scheme === 'https' ? 443 : 80) : Number(port), protocol: scheme };
}
