import { LatchkeyError, type UsageOutcome } from '@latchkey/core';
import { isVendor } from '../../../http/authentication.ts';
import type { Http, HttpRequest } from '../../../http/types.ts';
import { type Named, oneOwner, type WhoseOptions } from '../../ledger/index.ts';
import { readDetails, readEvent, readUse } from '../event-input.ts';
import type { HeldMeter, UsageHolder } from '../holders.ts';
import { type UsageEventInput, usageAnswer, usageBody } from '../schemas.ts';
import { errorOf, type Usage } from '../service.ts';
import type { SubmittedRequest } from '../write-batch.ts';

/** Bodies of a thousand events with properties are larger than others. */
const BODY_LIMIT = 8 * 1_024 * 1_024;

export interface UsageRoutes extends WhoseOptions {
  usage: Usage;
}

export const WRITE = { scope: 'usage:write' } as const;
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
  const accepted: { request: SubmittedRequest; index: number }[] = [];
  const find = createFinder(request, options);
  // Read together, so that owners are looked up together; taken in their order.
  const read = await Promise.allSettled(events.map((value) => requestOf(value, find, usage)));
  for (const [index, one] of read.entries()) {
    if (one.status === 'fulfilled') accepted.push({ request: one.value, index });
    else rejected.push(rejection(one.reason, events[index], index));
  }
  const outcomes = await usage.record(accepted.map((one) => one.request));
  const counts = { accepted: 0, duplicates: 0 };
  for (const [place, outcome] of outcomes.entries()) {
    const index = accepted[place]?.index ?? place;
    if (outcome.done) counts.accepted += 1;
    else if (outcome.code === 'exists') counts.duplicates += 1;
    else rejected.push(rejection(refusalOf(outcome), events[index], index));
  }
  return { ...counts, rejected: rejected.sort((one, other) => one.index - other.index) };
}

type Finder = (event: UsageEventInput) => Promise<HeldMeter>;

async function requestOf(value: unknown, find: Finder, usage: Usage): Promise<SubmittedRequest> {
  const event = readEvent(value);
  const held = await find(event);
  const { id, at, enforce, properties } = event;
  const quantity = readUse(event.quantity, held.account.meter);
  const details = readDetails(properties);
  return usage.request({ held, id, at: at === undefined ? undefined : new Date(at), quantity, enforce, details });
}

/** Finds whose an event is; each owner and meter is looked up once in a call. */
function createFinder(request: HttpRequest, options: UsageRoutes): Finder {
  const { usage } = options;
  const holders = new Map<string, Promise<UsageHolder>>();
  const meters = new Map<string, HeldMeter>();
  const holderOf = (named: Named): Promise<UsageHolder> =>
    isForeign(request, named)
      ? Promise.reject(foreign())
      : oneOwner(request, named, options, WRITE).then((owner) => usage.find(owner));
  return async ({ meter, license_key, license_id, customer_id, product }) => {
    const key = JSON.stringify([license_key, license_id, customer_id, product]);
    let holder = holders.get(key);
    if (holder === undefined) {
      holder = holderOf({ license_key, license_id, customer_id, product });
      holders.set(key, holder);
    }
    const found = await holder;
    const held = meters.get(`${key}${meter}`) ?? usage.meter(found, meter);
    meters.set(`${key}${meter}`, held);
    return held;
  };
}

/** Whoever presents a key in the header speaks for its licence only. */
function isForeign({ headers, principal }: HttpRequest, { license_key, license_id, customer_id }: Named): boolean {
  const header = headers['x-license-key'];
  if (header === undefined || isVendor(principal)) return false;
  return (license_key !== undefined && license_key !== header) || license_id !== undefined || customer_id !== undefined;
}

function foreign(): LatchkeyError {
  const detail = 'Whoever presents a licence key records the use of its licence only.';
  return new LatchkeyError('foreign_license', detail, { path: 'license_key' });
}

function refusalOf(outcome: UsageOutcome): LatchkeyError {
  return errorOf(outcome);
}

/** What is wrong with one event. What is no fault of the event's fails the call. */
function rejection(error: unknown, value: unknown, index: number): Rejection {
  if (!(error instanceof LatchkeyError) || error.status >= 500 || error.code === 'rate_limited') throw error;
  const { code, detail, path } = error;
  const id =
    typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' ? value.id : null;
  return { id, index, code, detail, ...(path === undefined ? {} : { path }) };
}
