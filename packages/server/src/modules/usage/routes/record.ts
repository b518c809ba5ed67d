import { LatchkeyError } from '@latchkey/core';
import type { Http, HttpRequest } from '../../../http/types.ts';
import { readDetails, readEvent, readUse } from '../event-input.ts';
import { type UsageEventInput, usageAnswer, usageBody } from '../schemas.ts';
import { errorOf, type Usage } from '../service.ts';
import type { SubmittedRequest } from '../write-batch.ts';
import { type Finder, findOwners, type Settled, type UsageRoutes } from './owners.ts';

/** Bodies of a thousand events with properties are larger than others. */
const BODY_LIMIT = 8 * 1_024 * 1_024;

/** Wrong keys are limited, right ones are not. */
export const OPEN = { access: 'anyone', rateLimit: false, quiet: true, idempotency: false } as const;

interface Rejection {
  id: string | null;
  index: number;
  code: string;
  detail: string;
  path?: string;
}

/** Use, as it happens: from whoever holds the key, or the vendor's server. */
export function recordRoute(http: Http, options: UsageRoutes): void {
  http.post(
    '/v1/usage',
    {
      bodyLimit: BODY_LIMIT,
      config: { ...OPEN, itemByItem: true },
      schema: {
        tags: ['Usage'],
        summary: 'Record use',
        description:
          'One event, or up to 1,000 of them, each looked at by itself: those that are not right are answered with their place and the ' +
          'reason, the others are counted, each once for its id. Answered when they are written for good.',
        body: usageBody,
        response: { 200: usageAnswer },
      },
    },
    async (request) => {
      const events = Array.isArray(request.body) ? request.body : [request.body];
      return recordAll(request, events, options);
    },
  );
}

async function recordAll(request: HttpRequest, events: readonly unknown[], options: UsageRoutes) {
  const { usage } = options;
  const rejected: Rejection[] = [];
  const accepted: SubmittedRequest[] = [];
  const places: number[] = [];
  const read = events.map((value) =>
    settled(() => {
      const event = readEvent(value);
      return usage.named(event, event.meter);
    }),
  );
  const named = read.flatMap((event) => ('value' in event ? [event.value] : []));
  const find = await findOwners(request, named, options);
  const made = read.map((event) => ('error' in event ? event : settled(() => requestOf(event.value, find, usage))));
  assertSomeAllowed(made);
  for (const [index, request] of made.entries()) {
    if ('error' in request) rejected.push(rejection(request.error, events[index], index));
    else {
      accepted.push(request.value);
      places.push(index);
    }
  }
  const outcomes = await usage.record(accepted);
  const counts = { accepted: 0, duplicates: 0 };
  for (const [place, outcome] of outcomes.entries()) {
    const index = places[place] ?? place;
    if (outcome.done) counts.accepted += 1;
    else if (outcome.code === 'exists') counts.duplicates += 1;
    else rejected.push(rejection(errorOf(outcome), events[index], index));
  }
  return { ...counts, rejected: rejected.sort((one, other) => one.index - other.index) };
}

function settled<Value>(work: () => Value): Settled<Value> {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}

function requestOf(event: UsageEventInput, find: Finder, usage: Usage): SubmittedRequest {
  const { id, at, enforce, properties } = event;
  const held = find(event);
  const quantity = readUse(event.quantity, held.account.meter);
  const details = readDetails(properties);
  return usage.request({ held, id, at: at === undefined ? undefined : new Date(at), quantity, enforce, details });
}

/** A call of which nothing may be looked at any more is refused as a whole, and told when to come back. */
function assertSomeAllowed(made: readonly Settled<unknown>[]): void {
  const limits = made.flatMap((each) => ('error' in each && isRateLimit(each.error) ? [each.error] : []));
  if (limits.length > 0 && limits.length === made.length) throw limits[0];
}

function isRateLimit(error: unknown): error is LatchkeyError {
  return error instanceof LatchkeyError && error.code === 'rate_limited';
}

/** What is wrong with one event. What is no fault of the event's fails the call. */
function rejection(error: unknown, value: unknown, index: number): Rejection {
  if (!(error instanceof LatchkeyError) || error.status >= 500) throw error;
  const { code, detail, path } = error;
  const id =
    typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' ? value.id : null;
  return { id, index, code, detail, ...(path === undefined ? {} : { path }) };
}
