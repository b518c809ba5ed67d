import { LatchkeyError } from '@latchkey/core';
import { isVendor } from '../../../http/authentication.ts';
import type { HttpRequest } from '../../../http/types.ts';
import { type Named, oneOwner, type WhoseOptions } from '../../ledger/index.ts';
import type { HeldMeter, UsageHolder } from '../holders.ts';
import type { UsageEventInput } from '../schemas.ts';
import type { Usage } from '../service.ts';

export interface UsageRoutes extends WhoseOptions {
  usage: Usage;
}

export const WRITE = { scope: 'usage:write' } as const;

/** Owners who are looked up at a time for whoever may be guessing: what they got wrong counts before the next are. */
const MOST_AT_ONCE = 50;

/** What came of something, or why nothing did. */
export type Settled<Value> = { readonly value: Value } | { readonly error: unknown };

/** Finds the balance that an event is counted on; throws what is wrong with whom it names. */
export type Finder = (event: UsageEventInput) => HeldMeter;

/**
 * Looks up, together, whose the events of a call are: each owner once, and each meter of theirs. Once too many keys were wrong, no more
 * are looked up, and what would need it is answered with `rate_limited`.
 */
export async function findOwners(
  request: HttpRequest,
  events: readonly UsageEventInput[],
  options: UsageRoutes,
): Promise<Finder> {
  const { usage } = options;
  const named = [...new Map(events.map((event) => [ownerName(event), event]))];
  const holders = new Map<string, Settled<UsageHolder>>();
  const atOnce = isVendor(request.principal) ? named.length : MOST_AT_ONCE;
  for (let first = 0; first < named.length; first += atOnce) {
    await Promise.all(
      named.slice(first, first + atOnce).map(async ([name, { license_key, license_id, customer_id, product }]) => {
        const found = holderOf(request, { license_key, license_id, customer_id, product }, options);
        holders.set(name, await found.then((value) => ({ value })).catch((error: unknown) => ({ error })));
      }),
    );
  }
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
