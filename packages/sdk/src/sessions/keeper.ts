/** Keeps usage sessions: one for each licence key that is active, alive in the background, ended when it falls silent. */

import type { LatchkeyClient } from '../client/client.ts';
import { isOutage, LatchkeyApiError } from '../client/errors.ts';
import type { UsageSession } from '../client/wire.ts';
import type { UsageRecorder } from '../usage/recorder.ts';
import { KeptSession } from './kept-session.ts';

export interface SessionKeeperOptions {
  /** Its token needs the scope `usage:write`; or none, and the key itself is shown. */
  client: LatchkeyClient;
  /** The catalog's `timed_use.meter` unless said. */
  meter?: string | undefined;
  /** How long a key may be silent before its session ends, 5 minutes unless said: that much time without use is counted. */
  idleMs?: number | undefined;
  /** When the server cannot be asked: `open` lets them work, `closed` does not. */
  whenUnreachable: 'open' | 'closed';
  /** Where time that passed without the server waits, to be counted afterwards; without it such time is not counted. */
  recorder?: Pick<UsageRecorder, 'record'> | undefined;
  onProblem?: ((error: unknown) => void) | undefined;
}

export interface SessionRefusal {
  reason: 'nothing_left' | 'unknown' | 'not_in_force' | 'elsewhere' | 'unreachable';
  detail: string;
}

export type SessionTouch =
  | {
      admitted: true;
      /** null while the server is away. */
      sessionId: string | null;
      /** Call when the work is over: until then the session does not fall silent. */
      done(): void;
    }
  | { admitted: false; refusal: SessionRefusal };

export interface SessionKeeper {
  /** Somebody works with this key: their session begins, or goes on. Answers without asking the server while one runs. */
  touch(licenseKey: string): Promise<SessionTouch>;
  /** As the server last told it; null where none runs. */
  sessionOf(licenseKey: string): UsageSession | null;
  /** Ends the session of a key now. */
  end(licenseKey: string): Promise<void>;
  /** Ends all. Call it when the program stops, or their time counts until the server finds them silent. */
  close(): Promise<void>;
}

const DEFAULT_IDLE_MS = 5 * 60_000;
const MOST_KEPT = 10_000;

export function createSessionKeeper(options: SessionKeeperOptions): SessionKeeper {
  const { idleMs = DEFAULT_IDLE_MS } = options;
  const kept = new Map<string, KeptSession>();
  let isClosed = false;
  const sessionFor = (key: string): KeptSession => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made: KeptSession = new KeptSession(key, {
      ...options,
      idleMs,
      onGone() {
        if (kept.get(key) === made) kept.delete(key);
      },
    });
    kept.set(key, made);
    return made;
  };
  return {
    async touch(licenseKey) {
      if (isClosed) return { admitted: false, refusal: { reason: 'unreachable', detail: 'The program is stopping.' } };
      // One that is being ended is not gone on with: it would be over at once.
      await kept.get(licenseKey)?.ending;
      const session = sessionFor(licenseKey);
      const done = session.begin();
      try {
        await session.started();
        return { admitted: true, sessionId: session.current?.id ?? null, done };
      } catch (error) {
        done();
        const reason = reasonOf(error);
        if (reason === null) options.onProblem?.(error);
        // What is wrong between here and the server is not the caller's doing.
        if (reason === null && options.whenUnreachable === 'open') {
          // Whether a key is anybody's is not known now: they must not pile up.
          if (kept.size > MOST_KEPT) {
            session.forget();
            return { admitted: true, sessionId: null, done: () => {} };
          }
          const again = sessionFor(licenseKey);
          again.goOnAlone();
          return { admitted: true, sessionId: null, done: again.begin() };
        }
        session.forget();
        return { admitted: false, refusal: { reason: reason ?? 'unreachable', detail: detailOf(error) } };
      }
    },
    sessionOf: (licenseKey) => kept.get(licenseKey)?.current ?? null,
    async end(licenseKey) {
      await kept.get(licenseKey)?.end();
    },
    async close() {
      isClosed = true;
      await Promise.allSettled([...kept.values()].map((session) => session.end()));
    },
  };
}

/** What an answer says of the caller; null where it says something of the server, or of how it was asked. */
function reasonOf(error: unknown): SessionRefusal['reason'] | null {
  if (!(error instanceof LatchkeyApiError) || isOutage(error)) return null;
  switch (error.code) {
    case 'insufficient_balance':
      return 'nothing_left';
    case 'session_running':
      return 'elsewhere';
    case 'license_state_conflict':
      return 'not_in_force';
    case 'resource_missing':
      return 'unknown';
    default:
      return null;
  }
}

function detailOf(error: unknown): string {
  return error instanceof LatchkeyApiError ? error.detail : 'The licence server cannot be reached. Try again shortly.';
}
