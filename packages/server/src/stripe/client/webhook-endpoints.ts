import { LatchkeyError } from '@latchkey/core';
import type Stripe from 'stripe';
import { type Calls, PAGE } from './calls.ts';

export interface StripeWebhookEndpoints {
  listWebhookEndpoints(): Promise<{ id: string; url: string }[]>;
  createWebhookEndpoint(
    endpoint: { url: string; events: readonly string[] },
    idempotencyKey?: string,
  ): Promise<{ id: string; secret: string }>;
}

export function webhookEndpointCalls({ sdk, call }: Calls): StripeWebhookEndpoints {
  return {
    async listWebhookEndpoints() {
      const list = await call('webhook_endpoints.list', () => sdk.webhookEndpoints.list({ limit: PAGE }));
      return list.data.map(({ id, url }) => ({ id, url }));
    },

    async createWebhookEndpoint({ url, events }, idempotencyKey) {
      const endpoint = await call('webhook_endpoints.create', () =>
        sdk.webhookEndpoints.create(
          { url, enabled_events: [...events] as Stripe.WebhookEndpointCreateParams.EnabledEvent[] },
          idempotencyKey === undefined ? {} : { idempotencyKey },
        ),
      );
      if (endpoint.secret === undefined)
        throw new LatchkeyError('stripe_rejected', 'Stripe gave the endpoint no secret.');
      return { id: endpoint.id, secret: endpoint.secret };
    },
  };
}
