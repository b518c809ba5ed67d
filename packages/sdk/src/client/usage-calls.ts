import type { CallOptions, Transport } from './transport.ts';
import type { UsageAnswer, UsageDecision, UsageEvent, UsageQuestion, UsageSession } from './wire.ts';

/** The most events that one call takes. */
export const MOST_EVENTS = 1_000;

export interface UsageCalls {
  /** Counts use that happened, up to 1,000 events. Each is counted once, by its id, however often it is sent. */
  record(events: readonly UsageEvent[], options?: CallOptions): Promise<UsageAnswer>;
  /** Whether there may be so much more; with `reserve` it is kept for the caller. */
  check(question: UsageQuestion, options?: CallOptions): Promise<UsageDecision>;
  /** What was reserved has been used, or as much of it as `quantity` says. `id` names the use, so that it counts once. */
  finalize(reservationId: string, use?: Finalization, options?: CallOptions): Promise<unknown>;
  /** What was reserved is not needed. */
  release(reservationId: string, options?: CallOptions): Promise<unknown>;
}

export interface Finalization {
  id?: string | undefined;
  quantity?: number | string | undefined;
  properties?: UsageEvent['properties'];
}

export function usageCalls({ send }: Transport): UsageCalls {
  // Events have ids and reservations end once: each of these may be sent again without an Idempotency-Key. A check that is
  // sent again may reserve twice; what nobody finalizes lapses.
  const post = async <T>(path: string, body: unknown, options?: CallOptions): Promise<T> =>
    (await send<T>('POST', path, { idempotencyKey: null, ...options, body })).body;
  const reservation = (id: string, act: string) => `/v1/reservations/${encodeURIComponent(id)}/${act}`;
  return {
    record: (events, options) => post('/v1/usage', events, options),
    check: (question, options) => post('/v1/usage/check', question, options),
    finalize: (id, use = {}, options) => post(reservation(id, 'finalize'), use, options),
    release: (id, options) => post(reservation(id, 'release'), {}, options),
  };
}

export interface SessionCalls {
  start(session: SessionStart, options?: CallOptions): Promise<UsageSession>;
  heartbeat(id: string, options?: CallOptions): Promise<UsageSession>;
  end(id: string, options?: CallOptions): Promise<UsageSession>;
}

export interface SessionStart {
  license_key: string;
  meter?: string | undefined;
  /** The program's own name of the session: started again under it while it runs, it goes on. */
  session_id?: string | undefined;
}

export function sessionCalls({ send }: Transport): SessionCalls {
  const post = async (path: string, body: unknown, options?: CallOptions): Promise<UsageSession> =>
    (await send<UsageSession>('POST', `/v1/usage-sessions${path}`, { idempotencyKey: null, ...options, body })).body;
  return {
    start: (session, options) => post('', session, options),
    heartbeat: (id, options) => post(`/${encodeURIComponent(id)}/heartbeat`, {}, options),
    end: (id, options) => post(`/${encodeURIComponent(id)}/end`, {}, options),
  };
}
