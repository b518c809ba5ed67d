/** One call over HTTP: time limits, repetitions, ids, and errors as errors. */

import { newId } from '../identifiers.ts';
import { type Backoff, backoffMs, wait } from '../waiting.ts';
import { isOutage, LatchkeyApiError, LatchkeyUnreachableError, toApiError } from './errors.ts';

export interface ClientOptions {
  /** Where Latchkey answers, such as `https://licenses.example.com`. */
  url: string;
  /** An API key (for servers only) or a customer's token. */
  token?: string | undefined;
  /** Sent as `X-License-Key`: for a program that calls as the holder of its key. */
  licenseKey?: string | undefined;
  /** How long one attempt may take; 10 seconds unless said. */
  timeoutMs?: number | undefined;
  /** How often a call is repeated after an outage; 2 unless said. */
  retries?: number | undefined;
  /** Sent with every call, such as the version of your program as `user-agent`. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** In the place of the platform's own. */
  fetch?: typeof globalThis.fetch | undefined;
  /** Told of every repetition, for logs. */
  onRetry?: ((notice: RetryNotice) => void) | undefined;
}

export interface RetryNotice {
  method: string;
  path: string;
  /** 1 for the first repetition. */
  attempt: number;
  delayMs: number;
  error: LatchkeyApiError | LatchkeyUnreachableError;
}

export interface CallOptions {
  query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  body?: unknown;
  headers?: Readonly<Record<string, string>> | undefined;
  /** In the place of the client's. */
  licenseKey?: string | undefined;
  timeoutMs?: number | undefined;
  retries?: number | undefined;
  /** What names this write for ever. Left out, one is made, and every repetition has the same. null: none is sent. */
  idempotencyKey?: string | null | undefined;
  signal?: AbortSignal | undefined;
}

/** What came back, with what stood around it. */
export interface Answered<T> {
  status: number;
  body: T;
  headers: Headers;
  requestId: string | null;
}

export interface Transport {
  /** Makes a call. Throws a LatchkeyApiError for an answer of 400 and more, a LatchkeyUnreachableError where none came. */
  send<T>(method: string, path: string, options?: CallOptions): Promise<Answered<T>>;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_RETRIES = 2;
const BACKOFF: Backoff = { firstMs: 250, longestMs: 5_000 };
/** Whoever asks for a longer pause is believed, and the call ends: a caller should not hang for minutes. */
const LONGEST_RETRY_AFTER_MS = 30_000;

/** How calls are made for these options. */
export function createTransport(options: ClientOptions): Transport {
  const base = baseOf(options.url);
  return {
    async send<T>(method: string, path: string, call: CallOptions = {}): Promise<Answered<T>> {
      const request = requestOf({ method, path, base, options, call });
      const retries = call.retries ?? options.retries ?? DEFAULT_RETRIES;
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await once<T>(request, options.fetch ?? globalThis.fetch, call.signal);
        } catch (error) {
          const delayMs = attempt > retries ? null : retryAfterMs(error, attempt);
          if (delayMs === null) throw error;
          options.onRetry?.({ method, path, attempt, delayMs, error: error as RetryNotice['error'] });
          await wait(delayMs, call.signal);
        }
      }
    },
  };
}

/** How long to wait before another attempt; null where another makes no sense. */
function retryAfterMs(error: unknown, failures: number): number | null {
  const isInUse = error instanceof LatchkeyApiError && error.code === 'idempotency_key_in_use';
  if (!isInUse && !isOutage(error)) return null;
  const asked = error instanceof LatchkeyApiError ? error.retryAfterSeconds : null;
  if (asked === null) return backoffMs(BACKOFF, failures);
  return asked * 1_000 > LONGEST_RETRY_AFTER_MS ? null : asked * 1_000;
}

interface PreparedRequest {
  url: string;
  init: RequestInit;
  timeoutMs: number;
}

interface RequestParts {
  method: string;
  path: string;
  base: string;
  options: ClientOptions;
  call: CallOptions;
}

function requestOf({ method, path, base, options, call }: RequestParts): PreparedRequest {
  const { body, idempotencyKey } = call;
  const licenseKey = call.licenseKey ?? options.licenseKey;
  const key = idempotencyKey === undefined && method !== 'GET' ? newId('idem') : idempotencyKey;
  const headers: Record<string, string> = {
    accept: 'application/json',
    ...options.headers,
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    ...(licenseKey === undefined ? {} : { 'x-license-key': licenseKey }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(typeof key === 'string' ? { 'idempotency-key': key } : {}),
    ...call.headers,
  };
  return {
    url: `${base}${path}${queryOf(call.query)}`,
    init: { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) },
    timeoutMs: call.timeoutMs ?? options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  };
}

async function once<T>(
  { url, init, timeoutMs }: PreparedRequest,
  fetchIt: typeof globalThis.fetch,
  signal: AbortSignal | undefined,
): Promise<Answered<T>> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    controller.abort();
  }, timeoutMs);
  const forward = () => controller.abort(signal?.reason);
  signal?.addEventListener('abort', forward, { once: true });
  try {
    const response = await fetchIt(url, { ...init, signal: controller.signal });
    const text = await response.text();
    if (!response.ok && response.status !== 304) throw toApiError(response.status, response.headers, text);
    const requestId = response.headers.get('x-request-id');
    return { status: response.status, body: readBody<T>(response, text), headers: response.headers, requestId };
  } catch (error) {
    if (error instanceof LatchkeyApiError || error instanceof LatchkeyUnreachableError) throw error;
    if (signal?.aborted === true) throw signal.reason;
    if (isLate) throw new LatchkeyUnreachableError('timeout', `No answer within ${timeoutMs} ms.`, error);
    throw new LatchkeyUnreachableError('connection', 'The server cannot be reached.', error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', forward);
  }
}

/** A body that is no JSON comes from somebody else who answers at the address, such as a proxy's page: as good as no answer. */
function readBody<T>(response: Response, text: string): T {
  if (text === '') return null as T;
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    const type = response.headers.get('content-type') ?? 'no type';
    throw new LatchkeyUnreachableError('connection', `The address answered ${type} where JSON was expected.`, error);
  }
}

function queryOf(query: CallOptions['query']): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) search.set(name, String(value));
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

function baseOf(url: string): string {
  const { protocol, href, username, search, hash } = new URL(url);
  if ((protocol !== 'http:' && protocol !== 'https:') || username !== '' || search !== '' || hash !== '') {
    throw new TypeError(`"${url}" is not the address of a server: it begins with http:// or https:// and ends there.`);
  }
  return href.replace(/\/+$/, '');
}
