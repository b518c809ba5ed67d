import type { JsonObject } from '../json.ts';

export type Event = {
  id: string;
  object: 'event';
  api_version: string;
  created: number;
  data: { object: JsonObject; previous_attributes?: JsonObject };
  livemode: false;
  /** Filled in when the event is shown: how many deliveries have not succeeded yet. */
  pending_webhooks: number;
  request: { id: string | null; idempotency_key: string | null };
  type: string;
};
