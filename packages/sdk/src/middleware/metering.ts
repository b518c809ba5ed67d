/** Meters requests: asks before the handler runs, counts once it has, and knows what to do when nobody answers. */

import type { LatchkeyClient } from '../client/client.ts';
import { isOutage, LatchkeyApiError } from '../client/errors.ts';
import type { UsageDecision, UsageOwner } from '../client/wire.ts';
import { newId } from '../identifiers.ts';
import { createReachability } from '../reachability.ts';
import type { UsageRecorder } from '../usage/recorder.ts';
import type { Admission, Gate } from './admission.ts';
import { type CostTable, costFinder, type PricedRoute } from './costs.ts';
import { secondsUntil, type UsageStanding, usageHeaders } from './headers.ts';
import { createKnownStandings } from './known-standings.ts';
import { answerOf, NOBODY, type Present, type Refusal, UNKNOWN, unavailable } from './refusal.ts';
import { byLicenseKey, type GatedRequest, type Identify } from './request.ts';
import { type Charge, createSettling } from './settling.ts';

export interface MeteringOptions {
  /** Its token needs the scope `usage:write`. */
  client: LatchkeyClient;
  /** Where use waits that could not be told at once. */
  recorder: UsageRecorder;
  /** The meter of the catalog that requests count on. */
  meter: string;
  /** For customers, where several products have a meter of this name. */
  product?: string | undefined;
  costs: CostTable;
  /** Whose request it is; by licence key unless said. */
  identify?: Identify | undefined;
  /** A request that is nobody's: `pass` (unless said) lets it through and counts nothing. */
  anonymous?: 'pass' | 'refuse' | undefined;
  /**
   * `reserve` (unless said): the units are kept before the handler runs, so that a limit is exact however many requests come at once.
   * `check`: asked, and counted afterwards. `off`: only counted.
   */
  enforce?: 'reserve' | 'check' | 'off' | undefined;
  /**
   * When the server cannot be asked. `open`: the request is served, its use is kept and counted later. `closed`: it is refused with 503.
   * `cached`: served as far as what was last known of the limit goes, and refused where nothing is known. There is no right answer for
   * everybody, so there is none by default.
   */
  whenUnreachable: 'open' | 'closed' | 'cached';
  /** How long `cached` goes by what it knows; 24 hours unless said. */
  cachedForMs?: number | undefined;
  /** Which answers count; `success` unless said. What does not count is given back. */
  charge?: Charge | undefined;
  /** How long a handler may take before its reservation lapses; 300 seconds unless said. Its use is counted even then. */
  holdSeconds?: number | undefined;
  /** How long a request waits for the server; 5 seconds unless said. */
  checkTimeoutMs?: number | undefined;
  /** Told of whatever went wrong between here and the server. */
  onProblem?: ((error: unknown) => void) | undefined;
  /** The app's own shape of a refusal. */
  present?: Present | undefined;
}

export interface Metering extends Gate {
  /** Waits until everything that was admitted is settled. Close the recorder afterwards. */
  close(): Promise<void>;
}

const DEFAULT_HOLD_SECONDS = 300;
const DEFAULT_CHECK_TIMEOUT_MS = 5_000;
const DEFAULT_CACHED_FOR_MS = 24 * 60 * 60 * 1_000;

/** Something that may be used, before it is: by whom, and how much. */
interface Use {
  owner: UsageOwner;
  name: string;
  request: GatedRequest;
  priced: PricedRoute;
}

/** Metering for the routes that the table prices. Throws a TypeError for a table that makes no sense. */
export function createMetering(options: MeteringOptions): Metering {
  const { meter, enforce = 'reserve', identify = byLicenseKey, present } = options;
  const costOf = costFinder(options.costs);
  const known = createKnownStandings({ keepMs: options.cachedForMs ?? DEFAULT_CACHED_FOR_MS });
  const reachability = createReachability();
  const settling = createSettling(options);

  const admitted = (use: Use, standing: UsageStanding | null, reservationId: string | null, took = 0): Admission => ({
    kind: 'admitted',
    headers: standing === null ? {} : usageHeaders(standing, { meter, now: Date.now() }),
    settle: settling.begin({
      id: newId('evt'),
      owner: use.owner,
      method: use.request.method,
      route: use.priced.route,
      units: use.priced.units,
      reservationId,
      giveBack: () => known.giveBack(use.name, took),
    }),
  });
  const refused = (refusal: Refusal): Admission => ({ kind: 'refused', ...answerOf(refusal, present) });

  const withoutServer = (use: Use): Admission => {
    switch (options.whenUnreachable) {
      case 'open':
        return admitted(use, null, null);
      case 'closed':
        return refused(unavailable(Math.max(1, Math.ceil(reachability.retryInMs() / 1_000))));
      case 'cached': {
        const taken = known.take(use.name, use.priced.units);
        if (taken === null) return refused(unavailable(Math.max(1, Math.ceil(reachability.retryInMs() / 1_000))));
        if (taken.admitted) return admitted(use, taken.standing, null, use.priced.units);
        return refused(overLimit(meter, taken.standing, use.priced.units));
      }
    }
  };

  const ask = async (use: Use): Promise<Admission> => {
    if (!reachability.mayAsk()) return withoutServer(use);
    try {
      const decision = await check(options, use, enforce === 'reserve');
      reachability.answered();
      const standing = standingOf(decision);
      known.learn(use.name, standing);
      if (decision.allowed) return admitted(use, standing, decision.reservation_id);
      return refused(refusalOf(decision, { meter, standing, units: use.priced.units }));
    } catch (error) {
      const refusal = refusalOfError(error);
      if (refusal !== null) return refused(refusal);
      if (isOutage(error)) reachability.failed();
      options.onProblem?.(error);
      return withoutServer(use);
    }
  };

  return {
    async admit(request) {
      if (request.method === 'OPTIONS') return { kind: 'untracked' };
      const priced = costOf(request);
      if (priced === null) return { kind: 'untracked' };
      const owner = await identify(request);
      if (owner === null) return options.anonymous === 'refuse' ? refused(NOBODY) : { kind: 'untracked' };
      const use = { owner, name: nameOf(owner), request, priced };
      return enforce === 'off' ? admitted(use, null, null) : ask(use);
    },
    close: () => settling.close(),
  };
}

function check(options: MeteringOptions, { owner, priced }: Use, reserve: boolean): Promise<UsageDecision> {
  const { client, meter, product, holdSeconds = DEFAULT_HOLD_SECONDS } = options;
  const question = { ...owner, meter, product, quantity: priced.units };
  // Once more, for a connection that the server closed while it was idle.
  return client.usage.check(reserve ? { ...question, reserve, hold_seconds: holdSeconds } : question, {
    timeoutMs: options.checkTimeoutMs ?? DEFAULT_CHECK_TIMEOUT_MS,
    retries: 1,
  });
}

function standingOf({ limit, remaining, resets_at }: UsageDecision): UsageStanding {
  return {
    limit: limit === -1 ? null : limit,
    remaining: remaining === -1 ? null : remaining,
    resetsAt: resets_at === null ? null : Date.parse(resets_at),
  };
}

function nameOf({ license_key, license_id, customer_id }: UsageOwner): string {
  return [license_key, license_id, customer_id].map((part) => part ?? '').join('\n');
}

interface Refused {
  meter: string;
  standing: UsageStanding;
  units: number;
}

function refusalOf({ code, because }: UsageDecision, { meter, standing, units }: Refused): Refusal {
  if (code === 'LIMIT_REACHED') return overLimit(meter, standing, units);
  const detail = because.findLast(({ passed }) => !passed)?.detail;
  const more = { meter, reason: code, requested: units, remaining: standing.remaining };
  if (code === 'NO_CREDIT') {
    return {
      status: 402,
      code: 'insufficient_balance',
      title: 'Nothing is left',
      detail: detail ?? `Less is left than the ${units} (${meter}) that this costs.`,
      headers: usageHeaders(standing, { meter, now: Date.now() }),
      more,
    };
  }
  return {
    status: 403,
    code: 'forbidden',
    title: 'The licence does not allow this',
    detail: detail ?? `The licence is not in force: ${code}.`,
    headers: {},
    more,
  };
}

function overLimit(meter: string, standing: UsageStanding, units: number): Refusal {
  const now = Date.now();
  const { limit, remaining, resetsAt } = standing;
  const until = resetsAt === null ? '' : ` It begins anew at ${new Date(resetsAt).toISOString()}.`;
  return {
    status: 429,
    code: 'limit_reached',
    title: 'The limit is reached',
    detail: `This costs ${units} (${meter}), and ${remaining ?? 0} of ${limit ?? 0} are left.${until}`,
    headers: {
      ...usageHeaders(standing, { meter, now }),
      ...(resetsAt === null ? {} : { 'retry-after': String(secondsUntil(resetsAt, now)) }),
    },
    more: {
      meter,
      requested: units,
      limit,
      remaining,
      used: limit === null || remaining === null ? null : Math.max(0, limit - remaining),
      resets_at: resetsAt === null ? null : new Date(resetsAt).toISOString(),
    },
  };
}

/** An error that says something of the owner: that is the requester's. Any other is between the app and the server. */
function refusalOfError(error: unknown): Refusal | null {
  if (!(error instanceof LatchkeyApiError)) return null;
  const isOwner = error.path === null || /^(license_key|license_id|customer_id)$/.test(error.path);
  return error.status === 404 && error.code === 'resource_missing' && isOwner ? UNKNOWN : null;
}
