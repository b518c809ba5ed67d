/** The command line's one way to a server: HTTP with JSON, the admin's token, and a time limit on every request. */

export interface ClientOptions {
  url: string;
  token: string | null;
  timeoutMs: number;
}

export type Query = Readonly<Record<string, string | undefined>>;

export interface Client {
  readonly url: string;
  get(path: string, query?: Query): Promise<unknown>;
  post(path: string, body?: unknown, options?: { timeoutMs?: number }): Promise<unknown>;
  delete(path: string): Promise<unknown>;
  /** The bytes of an answer as they come; the time limit is for each piece of it. */
  download(path: string, query?: Query): AsyncGenerator<Uint8Array>;
}

/** The server answered, and the answer is an error. `body` is what it sent, as JSON where it was JSON. */
export class AnsweredError extends Error {
  override readonly name = 'AnsweredError';
  readonly status: number;
  readonly body: unknown;

  constructor(method: string, path: string, status: number, body: unknown) {
    super(`${method} ${path} was answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

/** No answer came: nobody listens there, or not in time. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  readonly url: string;

  constructor(url: string, why: string, cause: unknown) {
    super(`No answer from ${url}: ${why}.`, { cause });
    this.url = url;
  }
}

export function createClient(options: ClientOptions): Client {
  const call = async (method: string, path: string, body: unknown, timeoutMs: number): Promise<unknown> => {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (options.token !== null) headers.authorization = `Bearer ${options.token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const { status, text } = await exchange(options.url, path, timeoutMs, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = parse(text);
    if (status >= 400) throw new AnsweredError(method, path, status, answer);
    return answer;
  };
  return {
    url: options.url,
    get: (path, query = {}) => call('GET', path + queryText(query), undefined, options.timeoutMs),
    post: (path, body, { timeoutMs = options.timeoutMs } = {}) => call('POST', path, body, timeoutMs),
    delete: (path) => call('DELETE', path, undefined, options.timeoutMs),
    download: (path, query = {}) => download(options, path + queryText(query)),
  };
}

async function* download({ url, token, timeoutMs }: ClientOptions, path: string): AsyncGenerator<Uint8Array> {
  const patience = new AbortController();
  const giveUp = () => patience.abort(new DOMException('no further piece came', 'TimeoutError'));
  let timer = setTimeout(giveUp, timeoutMs);
  try {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url + path, { headers, signal: patience.signal });
    if (response.status >= 400) throw new AnsweredError('GET', path, response.status, parse(await response.text()));
    for await (const piece of response.body ?? []) {
      clearTimeout(timer);
      yield piece;
      timer = setTimeout(giveUp, timeoutMs);
    }
  } catch (error) {
    throw error instanceof AnsweredError ? error : unreachable(url, timeoutMs, error);
  } finally {
    clearTimeout(timer);
  }
}

async function exchange(
  url: string,
  path: string,
  timeoutMs: number,
  init: RequestInit,
): Promise<{ status: number; text: string }> {
  try {
    // The limit covers the body as well, so that a server that stops in the midst of an answer holds nobody up.
    const response = await fetch(url + path, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw unreachable(url, timeoutMs, error);
  }
}

function unreachable(url: string, timeoutMs: number, error: unknown): UnreachableError {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new UnreachableError(url, `it took longer than ${timeoutMs / 1000} s`, error);
  }
  return new UnreachableError(url, causeOf(error), error);
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'ENOTFOUND') return 'there is no such host';
  if (code !== '') return code;
  return cause instanceof Error ? cause.message : String(cause);
}

function queryText(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
  return search.size === 0 ? '' : `?${search}`;
}

function parse(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
