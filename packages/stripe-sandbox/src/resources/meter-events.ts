import { cancelUsage, recordUsage } from '../billing/metered-events.ts';
import type { JsonObject } from '../json.ts';
import { metadata, object, oneOf, required, string, timestamp } from '../parameters/schema.ts';
import { operation, type Resource } from './resource.ts';

const create = operation({
  method: 'POST',
  route: '/v1/billing/meter_events',
  params: object({
    event_name: required(string({ maxLength: 100 })),
    identifier: string({ maxLength: 100 }),
    payload: required(metadata()),
    timestamp: timestamp(),
  }),
  run(work, { event_name, identifier, payload, timestamp: at }): JsonObject {
    return recordUsage(work, { event_name, identifier, payload: payload || {}, timestamp: at });
  },
});

const adjust = operation({
  method: 'POST',
  route: '/v1/billing/meter_event_adjustments',
  params: object({
    cancel: required(object({ identifier: required(string({ maxLength: 100 })) })),
    event_name: required(string({ maxLength: 100 })),
    type: required(oneOf(['cancel'])),
  }),
  run(work, params): JsonObject {
    cancelUsage(work, params.event_name, params.cancel.identifier);
    return {
      object: 'billing.meter_event_adjustment',
      cancel: params.cancel,
      event_name: params.event_name,
      livemode: false,
      status: 'complete',
      type: params.type,
    };
  },
});

/** What is reported to meters; it is counted, not kept as objects of their own. */
export const meterEvents: Resource = {
  object: 'billing.meter_event',
  operations: [create, adjust],
  expandable: {},
};
