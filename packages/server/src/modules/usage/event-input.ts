/** Events as they are sent, and what is wrong with them. */

import { LatchkeyError, type Meter, parseMeterQuantity, type UsageDetails } from '@latchkey/core';
import { FaultyItem } from '../../http/json-body.ts';
import { readQuantity } from '../ledger/index.ts';
import { type UsageEventInput, usageEvent } from './schemas.ts';

const LONGEST_PROPERTIES = 4_096;
const DEEPEST_PROPERTIES = 4;
const LONGEST_ROUTE = 500;
const LONGEST_METHOD = 20;
const LONGEST_DURATION_MS = 2_147_483_647;

/** An event of a batch. Throws `invalid_request` that names the first field at fault. */
export function readEvent(value: unknown): UsageEventInput {
  if (value instanceof FaultyItem) throw faultOf(value);
  const read = usageEvent.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const path = issue?.path.join('.') ?? '';
  const detail = path === '' ? 'An event is an object.' : `${path}: ${issue?.message ?? 'is not valid'}.`;
  throw new LatchkeyError('invalid_request', detail, { path });
}

function faultOf({ error }: FaultyItem): LatchkeyError {
  return error.path === 'quantity' ? new LatchkeyError('quantity_invalid', error.detail, { path: 'quantity' }) : error;
}

/** The quantity of a use in the meter's steps. Throws `quantity_invalid`. */
export function readUse(given: number | string | undefined, meter: Meter): number {
  const one = readQuantity(1, meter);
  if (meter.aggregation === 'count') {
    if (given === undefined || readQuantity(given, meter) === one) return one;
    throw new LatchkeyError('quantity_invalid', 'quantity: this meter counts uses; each is 1.', { path: 'quantity' });
  }
  if (given === undefined) {
    throw new LatchkeyError('quantity_invalid', 'quantity: send how much was used.', { path: 'quantity' });
  }
  // A level may be nothing at all; a use may not.
  const isLevel = meter.aggregation === 'max' || meter.aggregation === 'last';
  if (isLevel && parseMeterQuantity(String(given).trim(), meter) === 0) return 0;
  return readQuantity(given, meter);
}

/** What of the properties is kept as columns, and the rest. Throws `properties_too_large`. */
export function readDetails(properties: UsageEventInput['properties']): UsageDetails {
  if (properties === undefined) return NO_DETAILS;
  const { route, method, duration_ms: durationMs, status, ...rest } = properties;
  const text = JSON.stringify(properties);
  if (text.length > LONGEST_PROPERTIES || depthOf(properties) > DEEPEST_PROPERTIES) {
    throw new LatchkeyError('properties_too_large', 'properties: at most 4,096 characters of JSON, four levels deep.', {
      path: 'properties',
    });
  }
  const isTime = typeof durationMs === 'number' && durationMs >= 0 && durationMs <= LONGEST_DURATION_MS;
  return {
    route: typeof route === 'string' ? cut(route, LONGEST_ROUTE) : null,
    method: typeof method === 'string' ? cut(method.toUpperCase(), LONGEST_METHOD) : null,
    durationMs: isTime ? Math.round(durationMs) : null,
    status: isStatus(status) ? status : null,
    properties: Object.keys(rest).length === 0 ? null : rest,
  };
}

const NO_DETAILS: UsageDetails = { method: null, route: null, durationMs: null, status: null, properties: null };

/** Half of a character that the cut went through cannot be stored: it would fail its whole batch. */
function cut(text: string, longest: number): string {
  return text.slice(0, longest).toWellFormed();
}

function isStatus(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 100 && value <= 999;
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const one of Object.values(value)) deepest = Math.max(deepest, depthOf(one));
  return deepest + 1;
}
