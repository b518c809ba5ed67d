/** The connection to the Redis of `REDIS_URL`: there or away, and never in anybody's way. */

import { createClient } from '@redis/client';
import type { Log } from '../observability/log.ts';

/** A Redis that may be away at any time. Nothing here throws, and nothing waits longer than the time limit. */
export interface Redis {
  readonly isThere: boolean;
  /** Sends commands in one go. Null when Redis is away, is late or refuses one of them: then nobody knows which were carried out. */
  ask(commands: readonly (readonly string[])[]): Promise<unknown[] | null>;
  close(): void;
}

export interface RedisOptions {
  log: Log;
  /** How long a command may take. */
  longestMs?: number;
  firstWaitMs?: number;
}

/** What every key of ours begins with. */
export const KEY_PREFIX = 'latchkey:';

const LONGEST_MS = 1_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;

interface Line {
  client: { sendCommand(command: string[]): Promise<unknown> };
  lose(error: unknown): void;
}

/** Connects in the background, and again with growing pauses whenever the connection is lost. */
export function openRedis(url: string, options: RedisOptions): Redis {
  const { log, longestMs = LONGEST_MS, firstWaitMs = FIRST_WAIT_MS } = options;
  let line: Line | null = null;
  let hangUp = () => {};
  let isClosed = false;
  let isKnownAway = false;
  let attempts = 0;
  let pause: NodeJS.Timeout | undefined;

  function connect(): void {
    const client = createClient({
      url,
      disableOfflineQueue: true,
      disableClientInfo: true,
      // Ours instead, which neither floods the log nor ever ends.
      socket: { connectTimeout: longestMs, reconnectStrategy: false },
    });
    let isOver = false;
    const lose = (error: unknown): void => {
      if (isOver) return;
      isOver = true;
      if (line?.client === client) line = null;
      if (client.isOpen) client.destroy();
      if (!isClosed) retry(error);
    };
    hangUp = () => lose(null);
    client.on('error', lose);
    client.on('end', () => lose(new Error('the connection ended')));
    // Whoever forgets to close us is not kept running by it.
    client.unref();
    // A write, gone at once: a Redis that only reads, or has no room left, is of no use.
    const greet = client.connect().then(() => client.sendCommand(['SET', `${KEY_PREFIX}greeting`, '', 'PX', '1']));
    within(2 * longestMs, greet).then(() => {
      if (isOver) return;
      line = { client, lose };
      attempts = 0;
      if (isKnownAway) log.info({}, 'Redis is back: limits are shared again');
      isKnownAway = false;
    }, lose);
  }

  function retry(error: unknown): void {
    if (!isKnownAway)
      log.warn({ reason: reasonOf(error) }, 'Redis is away: this process counts by itself until it is back');
    isKnownAway = true;
    const wait = Math.min(firstWaitMs * 2 ** attempts, LONGEST_WAIT_MS);
    attempts += 1;
    // Not all processes at the same moment.
    pause = setTimeout(connect, wait * (0.75 + Math.random() / 2)).unref();
  }

  connect();
  return {
    get isThere() {
      return line !== null;
    },
    async ask(commands) {
      const asked = line;
      if (asked === null) return null;
      try {
        return await within(longestMs, Promise.all(commands.map((command) => asked.client.sendCommand([...command]))));
      } catch (error) {
        // What was late may still be carried out; on a new connection at least nothing more waits behind it.
        asked.lose(error);
        return null;
      }
    },
    close() {
      isClosed = true;
      clearTimeout(pause);
      hangUp();
    },
  };
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

// The message alone: other fields of an error may have the address with its password.
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}
