/** Counts the time of whoever calls with a licence key. */

import type { SessionKeeper, SessionRefusal } from '../sessions/keeper.ts';
import type { Admission, Gate } from './admission.ts';
import { routeMatcher } from './costs.ts';
import { answerOf, type Present, type Refusal, unavailable } from './refusal.ts';
import { type GatedRequest, licenseKeyOf } from './request.ts';

export interface SessionGateOptions {
  /** Routes on which time counts, such as `/api/status`; all unless said. */
  routes?: readonly string[] | undefined;
  /** The request's key; header, query or body unless said. A request without one is let through, and no time counts. */
  keyOf?: ((request: GatedRequest) => string | null) | undefined;
  present?: Present | undefined;
}

export function sessionGate(sessions: SessionKeeper, options: SessionGateOptions): Gate {
  const { keyOf = licenseKeyOf, present } = options;
  const isTimed = routeMatcher(options.routes);
  return {
    async admit(request): Promise<Admission> {
      const key = request.method === 'OPTIONS' || !isTimed(request) ? null : keyOf(request);
      if (key === null) return { kind: 'untracked' };
      const touch = await sessions.touch(key);
      if (!touch.admitted) return { kind: 'refused', ...answerOf(refusalOf(touch.refusal), present) };
      return {
        kind: 'admitted',
        headers: touch.sessionId === null ? {} : { 'x-session-id': touch.sessionId },
        settle: async () => touch.done(),
      };
    },
  };
}

function refusalOf({ reason, detail }: SessionRefusal): Refusal {
  const named = (status: Refusal['status'], code: string, title: string): Refusal => ({
    ...{ status, code, title, detail, headers: {}, more: {} },
  });
  switch (reason) {
    case 'nothing_left':
      return named(402, 'insufficient_balance', 'Nothing is left');
    case 'unknown':
      return named(401, 'unauthorized', 'The licence is not known');
    case 'not_in_force':
      return named(403, 'forbidden', 'The licence does not allow this');
    case 'elsewhere':
      return named(409, 'session_running', 'Another session is running');
    case 'unreachable':
      return unavailable(1);
  }
}
