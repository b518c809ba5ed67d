/** Records use that happened: kept first, sent in batches, in order, again and again until the server has it. */

import type { LatchkeyClient } from '../client/client.ts';
import { isOutage, LatchkeyApiError, LatchkeyUnreachableError } from '../client/errors.ts';
import { MOST_EVENTS } from '../client/usage-calls.ts';
import type { UsageAnswer, UsageEvent } from '../client/wire.ts';
import { newId } from '../identifiers.ts';
import { type Backoff, backoffMs, startTimer, wait } from '../waiting.ts';
import { createMemorySpool, type RefusedEvent, type Spool, type SpooledEvent, SpoolFullError } from './spool.ts';

export interface RecorderOptions {
  client: Pick<LatchkeyClient, 'usage'>;
  /** Where use waits; in memory unless said. `createFileSpool` of `@latchkey/sdk/node` outlives the program. */
  spool?: Spool | undefined;
  /** How long use may wait for more of it before it is sent; a second unless said. */
  delayMs?: number | undefined;
  /** Events in one call, 1 to 1,000; 500 unless said. */
  batchSize?: number | undefined;
  /** Told of what the server refuses for good, with its code. It is set aside in the spool as well. */
  onRefused?: ((refused: readonly RefusedEvent[]) => void) | undefined;
  /** Told when use could not be kept because the spool is full. `record` throws besides. */
  onFull?: ((error: SpoolFullError) => void) | undefined;
  /** Told when sending failed, each time; what was to be sent stays. */
  onOutage?: ((error: unknown, failures: number) => void) | undefined;
}

/** An event as it is recorded: id and time are made where they are left out. */
export type NewUsageEvent = Omit<UsageEvent, 'id'> & { id?: string | undefined };

export interface UsageRecorder {
  /**
   * Keeps an event and answers it with its id, once it is as safe as the spool makes it; the server gets it soon after. It has
   * happened already, so it is counted beyond a limit too, unless it says `enforce: true`.
   */
  record(event: NewUsageEvent): Promise<UsageEvent>;
  /** Sends what waits now, and answers whether nothing waits any more. One attempt: an outage ends it. */
  flush(): Promise<boolean>;
  /** How many events wait for the server. */
  readonly waiting: number;
  /** Sends what it can within the time, and closes the spool. What is left is sent by the next program with this spool. */
  close(options?: { withinMs?: number }): Promise<void>;
}

const DEFAULT_DELAY_MS = 1_000;
const DEFAULT_BATCH = 500;
const CLOSE_WITHIN_MS = 5_000;
const JUST_NOW_MS = 10_000;
const BACKOFF: Backoff = { firstMs: 500, longestMs: 30_000 };

/** A recorder for one program. */
export function createUsageRecorder(options: RecorderOptions): UsageRecorder {
  const { client, spool = createMemorySpool(), delayMs = DEFAULT_DELAY_MS, batchSize = DEFAULT_BATCH } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > MOST_EVENTS) {
    throw new RangeError(`batchSize must be 1 to ${MOST_EVENTS}.`);
  }
  const closing = new AbortController();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let sending: Promise<boolean> | null = null;
  let closed: Promise<void> | null = null;
  let failures = 0;
  /** How many are sent in one call now: fewer, while the server finds a call too much. */
  let size = batchSize;

  const plan = (afterMs: number) => {
    if (timer !== null || closing.signal.aborted) return;
    timer = startTimer(() => {
      timer = null;
      void flush();
    }, afterMs);
  };
  const drain = async (): Promise<boolean> => {
    try {
      while (spool.waiting > 0) {
        const { onRefused } = options;
        if (!(await sendFront({ client, spool, size, signal: closing.signal, onRefused }))) break;
        failures = 0;
        size = Math.min(batchSize, size * 2);
      }
    } catch (error) {
      failures += 1;
      if (isTooMuch(error)) size = Math.max(1, Math.floor(size / 2));
      if (!closing.signal.aborted) options.onOutage?.(error, failures);
    }
    return spool.waiting === 0;
  };
  const flush = (): Promise<boolean> => {
    sending ??= drain().finally(() => {
      sending = null;
      if (spool.waiting > 0) plan(failures === 0 ? delayMs : backoffMs(BACKOFF, failures));
    });
    return sending;
  };

  const finish = async (withinMs: number): Promise<void> => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const done = new AbortController();
    await Promise.race([flush().then(() => done.abort()), wait(withinMs, done.signal)]);
    closing.abort(new Error('The recorder was closed.'));
    if (timer !== null) clearTimeout(timer);
    await sending;
    await spool.close();
  };

  // What an earlier program left behind.
  if (spool.waiting > 0) plan(0);
  return {
    async record(event) {
      const kept = { ...event, id: event.id ?? newId('evt'), enforce: event.enforce ?? false };
      const recorded_at = new Date().toISOString();
      try {
        await spool.append([{ ...kept, recorded_at }]);
      } catch (error) {
        if (error instanceof SpoolFullError) options.onFull?.(error);
        throw error;
      }
      if (failures === 0 && spool.waiting >= batchSize) void flush();
      else plan(failures === 0 ? delayMs : backoffMs(BACKOFF, failures));
      return { ...kept, at: kept.at ?? recorded_at };
    },
    flush,
    get waiting() {
      return spool.waiting;
    },
    close({ withinMs = CLOSE_WITHIN_MS } = {}) {
      closed ??= finish(withinMs);
      return closed;
    },
  };
}

interface Sending {
  client: RecorderOptions['client'];
  spool: Spool;
  size: number;
  signal: AbortSignal;
  onRefused: RecorderOptions['onRefused'];
}

/** Sends the front of the spool and forgets it. False where there was nothing; throws where it must stay. */
async function sendFront({ client, spool, size, signal, onRefused }: Sending): Promise<boolean> {
  const { events, position } = await spool.read(size);
  if (events.length === 0) return false;
  // Once more at once, for a connection that the server closed while it was idle.
  const now = Date.now();
  const sent = new Map(events.map((event) => [toWire(event, now), event]));
  const rejected = await deliver([...sent.keys()], (some) => client.usage.record(some, { retries: 1, signal }));
  const later = rejected.filter(isForLater);
  // Behind the others, which they must not hold up; were they sent twice, they would count once.
  if (later.length > 0) await spool.append(later.flatMap(({ event }) => sent.get(event) ?? []));
  const refused = rejected.filter((each) => !isForLater(each));
  if (refused.length > 0) {
    await spool.setAside(refused);
    onRefused?.(refused);
  }
  await spool.acknowledge(position);
  if (later.length > 0) throw new Error(`The server took ${later.length} events for later.`);
  return true;
}

/** An event that the server did not look at, because too many before it named nobody: it may be good. */
function isForLater({ rejection }: RefusedEvent): boolean {
  return rejection.code === 'rate_limited';
}

/**
 * What has just happened is left to the server's clock, since this one may be wrong by more than the server takes; what had to wait
 * says when it happened.
 */
function toWire({ recorded_at, ...event }: SpooledEvent, now: number): UsageEvent {
  if (event.at !== undefined || recorded_at === undefined) return event;
  return Math.abs(now - Date.parse(recorded_at)) <= JUST_NOW_MS ? event : { ...event, at: recorded_at };
}

/**
 * What the server refuses of these events. Where it refuses the whole of them, as it does with a body that is too large, they
 * are sent in halves: one that cannot be sent must not hold up the others. Throws for anything that may be different later.
 */
async function deliver(
  events: readonly UsageEvent[],
  send: (events: readonly UsageEvent[]) => Promise<UsageAnswer>,
): Promise<RefusedEvent[]> {
  try {
    const { rejected } = await send(events);
    return rejected.flatMap((rejection) => {
      const event = events[rejection.index] ?? events.find(({ id }) => id === rejection.id);
      return event === undefined ? [] : [{ event, rejection }];
    });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const [only, another] = events;
    if (only !== undefined && another === undefined) return [{ event: only, rejection: rejectionOf(error, only) }];
    const middle = Math.ceil(events.length / 2);
    return [...(await deliver(events.slice(0, middle), send)), ...(await deliver(events.slice(middle), send))];
  }
}

/** Whether fewer events in a call may be taken: the server answered that it cannot, or did not get done in time. */
function isTooMuch(error: unknown): boolean {
  return isOutage(error) && !(error instanceof LatchkeyUnreachableError && error.reason === 'connection');
}

/** Wrong credentials, or an address that is not the server's, are for somebody to put right: the events are good. */
function isRefusal(error: unknown): error is LatchkeyApiError {
  if (!(error instanceof LatchkeyApiError) || isOutage(error)) return false;
  return error.status === 400 || error.status === 413 || error.status === 422;
}

function rejectionOf({ code, detail, path }: LatchkeyApiError, { id }: UsageEvent) {
  return { id, index: 0, code, detail, ...(path === null ? {} : { path }) };
}
