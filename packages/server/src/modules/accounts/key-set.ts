import { LatchkeyError } from '@latchkey/core';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Log } from '../../observability/log.ts';
import type { Clock } from '../../ports.ts';

export interface KeySetOptions {
  url: string;
  clock: Pick<Clock, 'wall'>;
  log: Log;
  /** How long the other side may take to answer: 5 s unless said. */
  timeoutMs?: number;
}

/** The vendor's public keys, fetched from an address and kept. */
export interface KeySet {
  /** For jose: the key that a token names. Throws `unavailable` when the set cannot be had. */
  readonly key: JWTVerifyGetKey;
}

/** A key that was withdrawn at the other side is still believed for so long. */
const FRESH_MS = 10 * 60_000;
/** While the other side does not answer, what it last said is believed for so long. */
const KEPT_MS = 60 * 60_000;
/** After a failure, nobody asks again for so long: each would wait for the same silence. */
const PAUSE_MS = 2_000;
/** A key that is not in the set may be new. So many times a minute somebody may make us look; more would be an attack on the other side. */
const LOOKS_PER_MINUTE = 6;
const MOST_BYTES = 256 * 1_024;
const MOST_KEYS = 100;

interface Held {
  find: JWTVerifyGetKey;
  fetchedAt: number;
}

/** Keeps a JSON Web Key Set (RFC 7517): fetched when first needed, when it is old, and when a token names a key that is not in it. */
export function createKeySet(options: KeySetOptions): KeySet {
  const { clock, log } = options;
  let held: Held | null = null;
  let fetching: Promise<Held> | null = null;
  let pausedUntil = 0;
  let looks: number[] = [];
  const wall = () => clock.wall().getTime();

  async function load(): Promise<Held> {
    if (wall() < pausedUntil) throw unreachable();
    fetching ??= fetchKeys(options)
      .then((keys) => {
        held = { find: createLocalJWKSet(keys), fetchedAt: wall() };
        return held;
      })
      .catch((error: unknown) => {
        pausedUntil = wall() + PAUSE_MS;
        log.warn({ error: error instanceof Error ? error.message : String(error) }, 'JWT_JWKS_URL gave no key set');
        throw unreachable(error);
      })
      .finally(() => {
        fetching = null;
      });
    return fetching;
  }

  async function current(): Promise<Held> {
    const age = held === null ? Number.POSITIVE_INFINITY : wall() - held.fetchedAt;
    if (held !== null && age < FRESH_MS) return held;
    try {
      return await load();
    } catch (error) {
      if (held !== null && age < KEPT_MS) return held;
      throw error;
    }
  }

  function mayLook(): boolean {
    const now = wall();
    looks = looks.filter((at) => now - at < 60_000);
    if (looks.length >= LOOKS_PER_MINUTE) return false;
    looks.push(now);
    return true;
  }

  return {
    async key(header, token) {
      const set = await current();
      try {
        return await set.find(header, token);
      } catch (error) {
        // Somebody else's look may just have brought it.
        const newer = held !== null && held !== set;
        if (!(error instanceof errors.JWKSNoMatchingKey) || (!newer && !mayLook())) throw error;
        return (newer && held !== null ? held : await load()).find(header, token);
      }
    },
  };
}

async function fetchKeys({ url, timeoutMs = 5_000 }: KeySetOptions): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    // The address is the vendor's choice; where it leads to is not.
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200 || response.body === null) throw new Error(`It answered ${response.status}.`);
  const keys = JSON.parse(await readBounded(response.body)) as JSONWebKeySet;
  if (!Array.isArray(keys?.keys) || keys.keys.length > MOST_KEYS)
    throw new Error('It did not answer a JSON Web Key Set.');
  return keys;
}

async function readBounded(body: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw new Error(`It answered more than ${MOST_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function unreachable(cause?: unknown): LatchkeyError {
  return new LatchkeyError(
    'unavailable',
    'The keys that sign customer tokens cannot be had at the moment. Try again.',
    {
      retryAfterSeconds: PAUSE_MS / 1_000,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
