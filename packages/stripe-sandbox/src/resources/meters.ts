import { unscaled } from '../billing/amounts.ts';
import { aggregated } from '../billing/metered-usage.ts';
import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { JsonObject } from '../json.ts';
import type { Meter } from '../objects/meter.ts';
import { object, oneOf, required, string, timestamp } from '../parameters/schema.ts';
import { equals, filter } from '../store/conditions.ts';
import type { UsageRecord } from '../store/meter-events.ts';
import type { Work } from '../work.ts';
import { listOperation, PAGE, pageOf } from './lists.ts';
import { operation, type PathValues, pathValue, type Resource } from './resource.ts';

/** Meters and what they counted (https://docs.stripe.com/api/billing/meter). */

const STATUS = oneOf(['active', 'inactive']);

function requireFreeName(work: Work, name: string): void {
  const [taken] = work.select('billing.meter', [equals('$.event_name', name), equals('$.status', 'active')]);
  if (taken === undefined) return;
  throw invalidRequest(`An active meter (${taken.id}) already uses the event name \`${name}\`.`, {
    param: 'event_name',
  });
}

const create = operation({
  method: 'POST',
  route: '/v1/billing/meters',
  params: object({
    customer_mapping: object({
      event_payload_key: required(string({ maxLength: 100 })),
      type: required(oneOf(['by_id'])),
    }),
    default_aggregation: required(object({ formula: required(oneOf(['count', 'last', 'sum'])) })),
    display_name: required(string({ maxLength: 250 })),
    event_name: required(string({ maxLength: 100 })),
    event_time_window: oneOf(['day', 'hour']),
    value_settings: object({ event_payload_key: required(string({ maxLength: 100 })) }),
  }),
  run(work, params) {
    requireFreeName(work, params.event_name);
    const meter: Meter = {
      id: newId('mtr_'),
      object: 'billing.meter',
      created: work.now,
      customer_mapping: params.customer_mapping ?? { event_payload_key: 'stripe_customer_id', type: 'by_id' },
      default_aggregation: params.default_aggregation,
      display_name: params.display_name,
      event_name: params.event_name,
      event_time_window: params.event_time_window ?? null,
      livemode: false,
      status: 'active',
      status_transitions: { deactivated_at: null },
      updated: work.now,
      value_settings: params.value_settings ?? { event_payload_key: 'value' },
    };
    return work.insert(meter, 'billing.meter.created');
  },
});

function meterAt(work: Work, path: PathValues): Meter {
  return work.require('billing.meter', pathValue(path, 'meter'), 'id');
}

const retrieve = operation({
  method: 'GET',
  route: '/v1/billing/meters/{meter}',
  params: object({}),
  run: (work, _params, path) => meterAt(work, path),
});

const update = operation({
  method: 'POST',
  route: '/v1/billing/meters/{meter}',
  params: object({ display_name: string({ maxLength: 250 }) }),
  run(work, { display_name: name }, path) {
    const meter = meterAt(work, path);
    if (name === undefined || name === meter.display_name) return meter;
    return work.update(meter, { display_name: name, updated: work.now }, 'billing.meter.updated');
  },
});

const list = listOperation({
  object: 'billing.meter',
  route: '/v1/billing/meters',
  filters: { status: STATUS },
  where: (params) => filter('$.status', params.status),
});

const deactivate = operation({
  method: 'POST',
  route: '/v1/billing/meters/{meter}/deactivate',
  params: object({}),
  run(work, _params, path) {
    const meter = meterAt(work, path);
    if (meter.status === 'inactive') throw invalidRequest(`The meter ${meter.id} is already inactive.`);
    const changes = {
      status: 'inactive' as const,
      status_transitions: { deactivated_at: work.now },
      updated: work.now,
    };
    return work.update(meter, changes, 'billing.meter.deactivated');
  },
});

const reactivate = operation({
  method: 'POST',
  route: '/v1/billing/meters/{meter}/reactivate',
  params: object({}),
  run(work, _params, path) {
    const meter = meterAt(work, path);
    if (meter.status === 'active') throw invalidRequest(`The meter ${meter.id} is already active.`);
    requireFreeName(work, meter.event_name);
    const changes = { status: 'active' as const, status_transitions: { deactivated_at: null }, updated: work.now };
    return work.update(meter, changes, 'billing.meter.reactivated');
  },
});

const WINDOW_SECONDS = { minute: 60, hour: 3600, day: 86_400 };

function requireAligned(at: number, window: keyof typeof WINDOW_SECONDS, param: string): void {
  if (at % WINDOW_SECONDS[window] === 0) return;
  throw invalidRequest(`\`${param}\` must be aligned with ${window} boundaries.`, { param });
}

/** The records of each window in which there are any, the latest first. */
function windowsOf(records: readonly UsageRecord[], from: number, length: number): [number, UsageRecord[]][] {
  const windows = new Map<number, UsageRecord[]>();
  for (const record of records) {
    const start = from + Math.floor((record.at - from) / length) * length;
    const inWindow = windows.get(start);
    if (inWindow === undefined) windows.set(start, [record]);
    else inWindow.push(record);
  }
  return [...windows].sort(([a], [b]) => b - a);
}

const listEventSummaries = operation({
  method: 'GET',
  route: '/v1/billing/meters/{meter}/event_summaries',
  params: object({
    ...PAGE,
    customer: required(string()),
    start_time: required(timestamp()),
    end_time: required(timestamp()),
    value_grouping_window: oneOf(['day', 'hour']),
  }),
  run(work, params, path): JsonObject {
    const meter = meterAt(work, path);
    const customer = work.require('customer', params.customer, 'customer').id;
    const { start_time: start, end_time: end, value_grouping_window: window } = params;
    requireAligned(start, window ?? 'minute', 'start_time');
    requireAligned(end, window ?? 'minute', 'end_time');
    if (end <= start) throw invalidRequest('`end_time` must be after `start_time`.', { param: 'end_time' });
    const length = window === undefined ? end - start : WINDOW_SECONDS[window];
    const records = work.meterEvents.between(meter.id, customer, start, end);
    const summaries = windowsOf(records, start, length).map(([from, inWindow]) => ({
      id: `mtrusg_${meter.id}_${customer}_${from}_${length}`,
      object: 'billing.meter_event_summary',
      aggregated_value: Number(unscaled(aggregated(meter, inWindow))),
      end_time: from + length,
      livemode: false,
      meter: meter.id,
      start_time: from,
    }));
    return pageOf(`/v1/billing/meters/${meter.id}/event_summaries`, summaries, params);
  },
});

export const meters: Resource = {
  object: 'billing.meter',
  operations: [create, retrieve, update, list, deactivate, reactivate, listEventSummaries],
  expandable: {},
};
