import { LatchkeyError } from '@latchkey/core';
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
  const accepted: SubmittedRequest[] = [];
  const places: number[] = [];
  const read = events.map((value) =>
    settled(() => {
      const event = readEvent(value);
      return usage.named(event, event.meter);
    }),
  );
  const find = await findAll(request, read, options);
  for (const [index, event] of read.entries()) {
    const made = 'error' in event ? event : settled(() => requestOf(event.value, find, usage));
    if ('error' in made) rejected.push(rejection(made.error, events[index], index));
    else {
      accepted.push(made.value);
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

/** What came of something, or why nothing did. */
type Settled<Value> = { readonly value: Value } | { readonly error: unknown };

function settled<Value>(work: () => Value): Settled<Value> {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}

type Finder = (event: UsageEventInput) => HeldMeter;

function requestOf(event: UsageEventInput, find: Finder, usage: Usage): SubmittedRequest {
  const { id, at, enforce, properties } = event;
  const held = find(event);
  const quantity = readUse(event.quantity, held.account.meter);
  const details = readDetails(properties);
  return usage.request({ held, id, at: at === undefined ? undefined : new Date(at), quantity, enforce, details });
}

/** Looks up, all together, whose the events of a call are: each owner once, and each meter of theirs. */
async function findAll(
  request: HttpRequest,
  read: readonly Settled<UsageEventInput>[],
  options: UsageRoutes,
): Promise<Finder> {
  const { usage } = options;
  const named = new Map<string, Named>();
  for (const event of read) if ('value' in event) named.set(ownerName(event.value), event.value);
  const holders = new Map<string, Settled<UsageHolder>>();
  await Promise.all(
    [...named].map(async ([name, { license_key, license_id, customer_id, product }]) => {
      const found = holderOf(request, { license_key, license_id, customer_id, product }, options);
      holders.set(name, await found.then((value) => ({ value })).catch((error: unknown) => ({ error })));
    }),
  );
  const meters = new Map<string, HeldMeter>();
  return (event) => {
    const owner = ownerName(event);
    const name = `${owner}\n${event.meter}`;
    const known = meters.get(name);
    if (known !== undefined) return known;
    const holder = holders.get(owner) ?? { error: new Error('An owner was not looked up.') };
    if ('error' in holder) throw holder.error;
    const held = usage.meter(holder.value, event.meter);
    meters.set(name, held);
    return held;
  };
}

function ownerName({ license_key, license_id, customer_id, product }: Named): string {
  return `${license_key ?? ''}\n${license_id ?? ''}\n${customer_id ?? ''}\n${product ?? ''}`;
}

async function holderOf(request: HttpRequest, named: Named, options: UsageRoutes): Promise<UsageHolder> {
  if (isForeign(request, named)) throw foreign();
  return options.usage.find(await oneOwner(request, named, options, WRITE));
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

/** What is wrong with one event. What is no fault of the event's fails the call. */
function rejection(error: unknown, value: unknown, index: number): Rejection {
  if (!(error instanceof LatchkeyError) || error.status >= 500 || error.code === 'rate_limited') throw error;
  const { code, detail, path } = error;
  const id =
    typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' ? value.id : null;
  return { id, index, code, detail, ...(path === undefined ? {} : { path }) };
}
