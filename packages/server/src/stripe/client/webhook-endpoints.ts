import { LatchkeyError } from '@latchkey/core';
import Stripe from 'stripe';
import { type Calls, PAGE } from './calls.ts';

/** An address to which Stripe delivers events. */
export interface WebhookEndpoint {
  id: string;
  url: string;
  status: string;
  events: readonly string[];
  /** The version in which its events are rendered; null: the account's. */
  apiVersion: string | null;
}

export interface StripeWebhookEndpoints {
  listWebhookEndpoints(): Promise<WebhookEndpoint[]>;
  /** With `latestVersion` its events are rendered in the version that this client reads, whatever the account's is. */
  createWebhookEndpoint(
    endpoint: { url: string; events: readonly string[]; latestVersion?: boolean },
    idempotencyKey?: string,
  ): Promise<{ id: string; secret: string; apiVersion: string | null }>;
  /** Has it listen to these events, also when it was switched off. */
  updateWebhookEndpoint(id: string, endpoint: { events: readonly string[] }): Promise<void>;
}

type Events = Stripe.WebhookEndpointCreateParams.EnabledEvent[];

export function webhookEndpointCalls({ sdk, call }: Calls): StripeWebhookEndpoints {
  return {
    async listWebhookEndpoints() {
      const list = await call('webhook_endpoints.list', () => sdk.webhookEndpoints.list({ limit: PAGE }));
      return list.data.map(({ id, url, status, enabled_events, api_version }) => ({
        id,
        url,
        status,
        events: enabled_events,
        apiVersion: api_version,
      }));
    },

    async createWebhookEndpoint({ url, events, latestVersion = false }, idempotencyKey) {
      const endpoint = await call('webhook_endpoints.create', () =>
        sdk.webhookEndpoints.create(
          {
            url,
            enabled_events: [...events] as Events,
            ...(latestVersion ? { api_version: Stripe.API_VERSION } : {}),
          },
          idempotencyKey === undefined ? {} : { idempotencyKey },
        ),
      );
      const { id, secret, api_version: apiVersion } = endpoint;
      if (secret === undefined) throw new LatchkeyError('stripe_rejected', 'Stripe gave the endpoint no secret.');
      return { id, secret, apiVersion };
    },

    async updateWebhookEndpoint(id, { events }) {
      const changes = { enabled_events: [...events] as Events, disabled: false };
      await call('webhook_endpoints.update', () => sdk.webhookEndpoints.update(id, changes));
    },
  };
}
