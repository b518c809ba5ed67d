/** Lets requests through whose licence key is in force. */

import type { LatchkeyClient } from '../client/client.ts';
import { isOutage } from '../client/errors.ts';
import type { LicenseDecision } from '../client/wire.ts';
import { createReachability } from '../reachability.ts';
import type { Admission, Gate } from './admission.ts';
import { routeMatcher } from './costs.ts';
import { answerOf, NOBODY, type Present, type Refusal, unavailable } from './refusal.ts';
import { type GatedRequest, licenseKeyOf } from './request.ts';

export interface LicenseGateOptions {
  client: LatchkeyClient;
  product?: string | undefined;
  /** Features that must be included. */
  entitlements?: readonly string[] | undefined;
  /** Routes that need a licence, such as `/reports/:id` or `POST /reports`; all unless said. */
  routes?: readonly string[] | undefined;
  /** The request's key; header, query or body unless said. */
  keyOf?: ((request: GatedRequest) => string | null) | undefined;
  /** When the server cannot be asked: let all through, none, or those whose last answer was yes. */
  whenUnreachable: 'open' | 'closed' | 'cached';
  /** How long an answer is good without asking again; 30 seconds unless said. */
  freshForMs?: number | undefined;
  /** How long `cached` goes by an answer; 24 hours unless said. */
  cachedForMs?: number | undefined;
  onProblem?: ((error: unknown) => void) | undefined;
  present?: Present | undefined;
}

export interface LicenseGate extends Gate {
  /** What was decided about a request that came through: pass the framework's request. Null where nobody could be asked. */
  decisionOf(source: unknown): LicenseDecision | null;
}

const MOST_REMEMBERED = 10_000;
const FRESH_FOR_MS = 30_000;
const CACHED_FOR_MS = 24 * 60 * 60 * 1_000;
const TIMEOUT_MS = 5_000;

export function createLicenseGate(options: LicenseGateOptions): LicenseGate {
  const { client, product, entitlements, keyOf = licenseKeyOf, whenUnreachable, present } = options;
  const { freshForMs = FRESH_FOR_MS, cachedForMs = CACHED_FOR_MS } = options;
  const isGated = routeMatcher(options.routes);
  const reachability = createReachability();
  const remembered = new Map<string, { decision: LicenseDecision; at: number }>();
  const decided = new WeakMap<object, LicenseDecision>();

  const refused = (refusal: Refusal): Admission => ({ kind: 'refused', ...answerOf(refusal, present) });
  const judged = (decision: LicenseDecision, source: unknown): Admission => {
    if (!decision.valid) return refused(refusalOf(decision));
    if (typeof source === 'object' && source !== null) decided.set(source, decision);
    return ADMITTED;
  };
  const ask = async (key: string): Promise<LicenseDecision> => {
    const decision = await client.licenses.validate(
      { key, product, entitlements },
      { timeoutMs: TIMEOUT_MS, retries: 1 },
    );
    reachability.answered();
    remembered.delete(key);
    remembered.set(key, { decision, at: Date.now() });
    const [oldest] = remembered.keys();
    if (remembered.size > MOST_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    return decision;
  };
  const withoutServer = (key: string, source: unknown): Admission => {
    if (whenUnreachable === 'open') return ADMITTED;
    const last = whenUnreachable === 'cached' ? remembered.get(key) : undefined;
    if (last !== undefined && Date.now() - last.at <= cachedForMs) return judged(last.decision, source);
    return refused(unavailable(Math.max(1, Math.ceil(reachability.retryInMs() / 1_000))));
  };

  return {
    async admit(request) {
      if (request.method === 'OPTIONS' || !isGated(request)) return { kind: 'untracked' };
      const key = keyOf(request);
      if (key === null) return refused(NOBODY);
      const last = remembered.get(key);
      if (last !== undefined && Date.now() - last.at <= freshForMs) return judged(last.decision, request.source);
      if (!reachability.mayAsk()) return withoutServer(key, request.source);
      try {
        return judged(await ask(key), request.source);
      } catch (error) {
        if (isOutage(error)) reachability.failed();
        options.onProblem?.(error);
        return withoutServer(key, request.source);
      }
    },
    decisionOf: (source) => (typeof source === 'object' && source !== null ? (decided.get(source) ?? null) : null),
  };
}

const ADMITTED: Admission = { kind: 'admitted', headers: {}, settle: async () => {} };

function refusalOf({ code, detail }: LicenseDecision): Refusal {
  const isUnknown = code === 'MALFORMED' || code === 'FORGED' || code === 'NOT_FOUND';
  return {
    status: isUnknown ? 401 : 403,
    code: isUnknown ? 'unauthorized' : 'forbidden',
    title: isUnknown ? 'The licence is not known' : 'The licence does not allow this',
    detail,
    headers: {},
    more: { reason: code },
  };
}
