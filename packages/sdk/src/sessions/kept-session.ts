/** One licence key's session: begun, kept alive while somebody works, caught up with after an outage, ended. */

import { toHex } from '@latchkey/core';
import { isOutage } from '../client/errors.ts';
import type { UsageSession } from '../client/wire.ts';
import { type Backoff, backoffMs, startTimer } from '../waiting.ts';
import type { SessionKeeperOptions } from './keeper.ts';

interface KeptSessionOptions extends SessionKeeperOptions {
  idleMs: number;
  /** The session is over, or never was. */
  onGone(): void;
}

const CALL = { timeoutMs: 5_000, retries: 1 };
const AGAIN: Backoff = { firstMs: 1_000, longestMs: 15_000 };

const UNIT_MS: Readonly<Record<string, number>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

export class KeptSession {
  /** As the server last told it, while it runs. */
  current: UsageSession | null = null;
  /** While it is being ended. */
  ending: Promise<void> | null = null;
  readonly #key: string;
  readonly #options: KeptSessionOptions;
  #working = 0;
  #lastWorkAt = Date.now();
  #starting: Promise<void> | null = null;
  /** From when on no server has counted the time; null while one does. */
  #aloneSince: number | null = null;
  /** The last time the server heard of it, by this program's clock. */
  #heardAt = 0;
  /** The latest of the server that is known, for what may be needed after its answer got lost. */
  #last: UsageSession | null = null;
  #failures = 0;
  /** When the server is to hear of it, or to be tried again. */
  #nextAt = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isGone = false;

  constructor(key: string, options: KeptSessionOptions) {
    this.#key = key;
    this.#options = options;
  }

  /** Somebody begins to work; the answer is to be called when they are done. */
  begin(): () => void {
    this.#working += 1;
    this.#lastWorkAt = Date.now();
    let isDone = false;
    return () => {
      if (isDone) return;
      isDone = true;
      this.#working -= 1;
      this.#lastWorkAt = Date.now();
      if (this.#working === 0 && this.#timer !== null) this.#plan();
    };
  }

  /** Resolves once a session runs, or the program goes on alone; throws why there is none. */
  async started(): Promise<void> {
    if (this.current !== null || this.#aloneSince !== null) return;
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null;
    });
    await this.#starting;
  }

  /** The server is away, and they work all the same: the time is counted here. */
  goOnAlone(): void {
    if (this.current !== null || this.#aloneSince !== null) return;
    this.#aloneSince = Date.now();
    this.#failed();
    this.#plan();
  }

  /** Nothing more is done for it. */
  forget(): void {
    this.#isGone = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#options.onGone();
  }

  /** Ends it at the server, or here. */
  end(): Promise<void> {
    this.ending ??= this.#end();
    return this.ending;
  }

  async #end(): Promise<void> {
    await this.#starting?.catch(() => {});
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#countAlone();
    try {
      if (this.current !== null && !this.#isGone) {
        await this.#options.client.usageSessions.end(this.current.id, { ...CALL, licenseKey: this.#key });
      }
    } catch (error) {
      // The server finds it silent, and counts to where it heard of it last.
      this.#options.onProblem?.(error);
    } finally {
      this.current = null;
      this.forget();
    }
  }

  async #start(): Promise<void> {
    const { client, meter } = this.#options;
    const session_id = await nameOf(this.#key);
    const call = { ...CALL, licenseKey: this.#key };
    this.#heard(await client.usageSessions.start({ license_key: this.#key, meter, session_id }, call));
    await this.#countAlone();
    this.#plan();
  }

  #heard(session: UsageSession): void {
    this.current = session.status === 'running' ? session : null;
    this.#last = session;
    this.#heardAt = Date.now();
    this.#failures = 0;
    this.#nextAt = this.#heardAt + (session.heartbeat_seconds ?? session.interval_seconds) * 1_000;
  }

  #failed(): void {
    this.#failures += 1;
    this.#nextAt = Date.now() + backoffMs(AGAIN, this.#failures);
  }

  /** When to look at it next: at its heartbeat, or when it has been silent for too long. */
  #plan(): void {
    if (this.#isGone || this.ending !== null) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const untilNext = Math.max(0, this.#nextAt - Date.now());
    const untilSilent = Math.max(0, this.#lastWorkAt + this.#options.idleMs - Date.now());
    const delayMs = this.#working > 0 ? untilNext : Math.min(untilNext, untilSilent);
    this.#timer = startTimer(() => void this.#look(), delayMs);
  }

  async #look(): Promise<void> {
    if (this.#working === 0 && Date.now() - this.#lastWorkAt >= this.#options.idleMs) return this.end();
    try {
      await (this.current === null ? this.started() : this.#beat(this.current));
      if (this.current === null && this.#aloneSince !== null) await this.#start();
    } catch (error) {
      this.#options.onProblem?.(error);
      if (!isOutage(error)) return this.#endAlone();
      this.#failed();
    }
    this.#plan();
  }

  async #beat(known: UsageSession): Promise<void> {
    const { client, whenUnreachable } = this.#options;
    const before = { heardAt: this.#heardAt, seenAt: Date.parse(this.#last?.last_seen_at ?? known.last_seen_at) };
    const session = await client.usageSessions.heartbeat(known.id, { ...CALL, licenseKey: this.#key });
    this.#heard(session);
    if (session.status === 'running') return;
    // Used up, or no longer in force: whoever comes next is told so.
    if (session.code !== 'VANISHED' && session.code !== 'ENDED') return this.forget();
    if (session.code === 'VANISHED' && whenUnreachable === 'open') {
      // What the server has not counted begins where it heard of the session last, in this program's time.
      this.#aloneSince = before.heardAt + Math.max(0, Date.parse(session.last_seen_at) - before.seenAt);
    }
    await this.#start();
  }

  /** There is no session to be had: what was worked without one is counted, and that is the end of it. */
  async #endAlone(): Promise<void> {
    this.forget();
    await this.#countAlone();
  }

  /** Has the time counted in which no server did. */
  async #countAlone(): Promise<void> {
    const since = this.#aloneSince;
    this.#aloneSince = null;
    const { recorder, onProblem } = this.#options;
    if (since === null || recorder === undefined) return;
    const meter = this.#last?.meter ?? this.#options.meter;
    const unitMs = UNIT_MS[this.#last?.unit ?? 'hour'];
    if (meter === undefined || unitMs === undefined) {
      return onProblem?.(new Error('Time without the server cannot be counted: say which meter it is on.'));
    }
    const spentMs = (this.#working > 0 ? Date.now() : this.#lastWorkAt) - since;
    // A meter of hours has six decimals; less than that is nothing.
    const quantity = (spentMs / unitMs).toFixed(6);
    if (Number(quantity) <= 0) return;
    const event = { license_key: this.#key, meter, quantity, properties: { offline: true } };
    await recorder.record(event).catch((error: unknown) => onProblem?.(error));
  }
}

/** The program's name for the session of a key: the same in all its processes, and the key is not in it. */
async function nameOf(key: string): Promise<string> {
  const digest = await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  return `key-${toHex(new Uint8Array(digest)).slice(0, 32)}`;
}
