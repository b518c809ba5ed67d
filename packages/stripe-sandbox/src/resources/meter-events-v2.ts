import { cancelUsage, recordUsage } from '../billing/metered-events.ts';
import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { JsonObject } from '../json.ts';
import { metadata, object, oneOf, required, type Schema, string } from '../parameters/schema.ts';
import { operation, type Resource } from './resource.ts';

/** Reports to meters in the newer API, which speaks JSON and writes times as RFC 3339. */

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** A time as text. */
function instant(): Schema<string> {
  return {
    decode(raw, path) {
      const text = string().decode(raw, path);
      if (INSTANT.test(text) && Number.isFinite(Date.parse(text))) return text;
      throw invalidRequest(`Invalid timestamp: ${path} must be in the form of RFC 3339`, { param: path });
    },
  };
}

function toSeconds(text: string): number {
  return Math.floor(Date.parse(text) / 1000);
}

function toText(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

const NAME = string({ maxLength: 100 });

const create = operation({
  method: 'POST',
  route: '/v2/billing/meter_events',
  params: object({
    event_name: required(NAME),
    identifier: NAME,
    payload: required(metadata()),
    timestamp: instant(),
  }),
  run(work, { event_name, identifier, payload, timestamp: text }): JsonObject {
    const timestamp = text === undefined ? undefined : toSeconds(text);
    const event = recordUsage(work, { event_name, identifier, payload: payload || {}, timestamp });
    return {
      ...event,
      object: 'v2.billing.meter_event',
      created: toText(event.created),
      timestamp: toText(event.timestamp),
    };
  },
});

const adjust = operation({
  method: 'POST',
  route: '/v2/billing/meter_event_adjustments',
  params: object({
    cancel: required(object({ identifier: required(NAME) })),
    event_name: required(NAME),
    type: required(oneOf(['cancel'])),
  }),
  run(work, params): JsonObject {
    cancelUsage(work, params.event_name, params.cancel.identifier);
    return {
      id: newId('mtr_event_adj_'),
      object: 'v2.billing.meter_event_adjustment',
      cancel: params.cancel,
      created: toText(work.now),
      event_name: params.event_name,
      livemode: false,
      status: 'complete',
      type: params.type,
    };
  },
});

/** The same reports as under `/v1`: an identifier that one of them has taken is refused by the other. */
export const meterEventsV2: Resource = {
  object: 'v2.billing.meter_event',
  operations: [create, adjust],
  expandable: {},
};
