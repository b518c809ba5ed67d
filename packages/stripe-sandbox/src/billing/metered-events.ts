import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { Meter, MeterEvent } from '../objects/meter.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';

/** Reports of what was used (https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api). */

/** An identifier is refused when it comes again within this time, and an event can be taken back. */
const KNOWN_MS = 24 * 3600 * 1000;
const OLDEST_SECONDS = 35 * 86_400;
const AHEAD_SECONDS = 300;

export type Report = {
  event_name: string;
  payload: { [key: string]: string };
  identifier?: string | undefined;
  timestamp?: number | undefined;
};

/** The active meter that counts events of this name. */
function meterFor(work: Work, name: string): Meter {
  const named = work.select('billing.meter', [equals('$.event_name', name)]);
  const active = named.find((meter) => meter.status === 'active');
  if (active !== undefined) return active;
  throw named.length === 0
    ? invalidRequest(`No active meter found for event name ${name}.`, { code: 'no_meter', param: 'event_name' })
    : invalidRequest(`The meter for event name ${name} is inactive.`, { code: 'archived_meter', param: 'event_name' });
}

function customerOf(work: Work, meter: Meter, payload: Report['payload']): string {
  const key = meter.customer_mapping.event_payload_key;
  const id = payload[key];
  if (id === undefined) {
    throw invalidRequest(`The payload must name the customer as \`${key}\`.`, {
      code: 'meter_event_no_customer_defined',
      param: 'payload',
    });
  }
  if (work.find('customer', id) !== undefined) return id;
  throw invalidRequest(`No such customer: '${id}'`, { code: 'meter_event_customer_not_found', param: 'payload' });
}

const VALUE = /^-?\d{1,15}(\.\d{1,12})?$/;

/** How much was used; a meter that counts events asks for no value. */
function usedIn(meter: Meter, payload: Report['payload']): string {
  if (meter.default_aggregation.formula === 'count') return '1';
  const key = meter.value_settings.event_payload_key;
  const value = payload[key];
  if (value === undefined) {
    throw invalidRequest(`The payload must have the value as \`${key}\`.`, {
      code: 'meter_event_value_not_found',
      param: 'payload',
    });
  }
  if (VALUE.test(value)) return value;
  throw invalidRequest(`Invalid value ${value}: it must be a number with up to 15 digits and 12 decimal places.`, {
    code: 'meter_event_invalid_value',
    param: 'payload',
  });
}

function requireTimely(work: Work, at: number): void {
  if (at > work.now + AHEAD_SECONDS) {
    throw invalidRequest('The timestamp must not be more than 5 minutes in the future.', {
      code: 'timestamp_in_future',
      param: 'timestamp',
    });
  }
  if (at >= work.now - OLDEST_SECONDS) return;
  throw invalidRequest('The timestamp must be within the past 35 days.', {
    code: 'timestamp_too_far_in_past',
    param: 'timestamp',
  });
}

/** Counts what was used. An identifier that was there within a day is refused: that event counts already. */
export function recordUsage(work: Work, report: Report): MeterEvent {
  const meter = meterFor(work, report.event_name);
  const customer = customerOf(work, meter, report.payload);
  const value = usedIn(meter, report.payload);
  const at = report.timestamp ?? work.now;
  requireTimely(work, at);
  const identifier = report.identifier ?? newId('');
  if (work.meterEvents.isKnown(identifier, work.sandboxMs - KNOWN_MS)) {
    throw invalidRequest(`An event already exists with identifier ${identifier}.`, {
      code: 'duplicate_meter_event',
      param: 'identifier',
    });
  }
  work.meterEvents.insert({ meter: meter.id, customer, identifier, at, value, receivedMs: work.sandboxMs });
  return {
    object: 'billing.meter_event',
    created: work.now,
    event_name: report.event_name,
    identifier,
    livemode: false,
    payload: report.payload,
    timestamp: at,
  };
}

/** Takes back an event of the last day. */
export function cancelUsage(work: Work, name: string, identifier: string): void {
  const meter = meterFor(work, name);
  if (work.meterEvents.cancel(meter.id, identifier, work.sandboxMs - KNOWN_MS)) return;
  throw invalidRequest(`No event of the last 24 hours with identifier ${identifier} that could be canceled.`, {
    code: 'resource_missing',
    param: 'cancel[identifier]',
  });
}
