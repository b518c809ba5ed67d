import { LatchkeyError } from '@latchkey/core';
import { callerOf, createRateLimiter, type RateLimiter, rateLimitExceeded } from '../../http/rate-limits.ts';
import type { Http, HttpReply, HttpRequest } from '../../http/types.ts';
import type { Clock } from '../../ports.ts';
import type { SharedCounts } from '../../redis/shared-counts.ts';
import type { Accounts } from './service.ts';
import { BASE_PATH } from './sign-in.ts';

export interface AccountRoutesOptions {
  accounts: Pick<Accounts, 'handle'>;
  clock: Pick<Clock, 'wall'>;
  publicUrl: () => string;
  /** Of the limits on guesses and letters; null where this process keeps them alone. */
  sharedCounts: SharedCounts | null;
}

/** What of better-auth is open. The rest of it (other providers, changing or deleting users) is not there. */
const OPEN: Readonly<Record<string, readonly RegExp[]>> = {
  GET: [/^\/ok$/, /^\/get-session$/, /^\/verify-email$/, /^\/magic-link\/verify$/, /^\/reset-password\/[A-Za-z0-9]+$/],
  POST: [
    /^\/sign-up\/email$/,
    /^\/sign-in\/(email|magic-link)$/,
    /^\/sign-out$/,
    /^\/revoke-sessions$/,
    /^\/send-verification-email$/,
    /^\/request-password-reset$/,
    /^\/reset-password$/,
    /^\/change-password$/,
  ],
};

const BODY_LIMIT = 16 * 1_024;
const LONGEST_FIELD = 2_048;

/** Guesses at one account, from wherever they come. */
const guesses = { name: 'sign-in-failures', limit: 10, windowSeconds: 900 };
/** Tries from one address: sign-ups, sign-ins, letters. */
const tries = { name: 'accounts', limit: 120, windowSeconds: 60 };

/** Letters that calls from one address bring about: nobody writes to the world through us. */
const letters = { name: 'account-letters', limit: 100, windowSeconds: 600 };
const WRITES_LETTERS = /^\/(sign-up\/email|sign-in\/magic-link|send-verification-email|request-password-reset)$/;

/** better-auth's own routes, at `/auth`. */
export function accountRoutes(http: Http, { accounts, clock, publicUrl, sharedCounts }: AccountRoutesOptions): void {
  const wallMs = () => clock.wall().getTime();
  const failures = createRateLimiter(guesses, wallMs, sharedCounts);
  const written = createRateLimiter(letters, wallMs, sharedCounts);
  const answer = async (request: HttpRequest, reply: HttpReply): Promise<HttpReply> => {
    const [path = ''] = request.url.slice(BASE_PATH.length).split('?', 1);
    if (!(OPEN[request.method]?.some((one) => one.test(path)) ?? false)) {
      throw new LatchkeyError('not_found', 'There is no route at this address. See /docs for what there is.');
    }
    const body = fieldsOf(request.body);
    if (WRITES_LETTERS.test(path)) {
      const state = written.count(callerOf(request.ip));
      if (state.remaining < 0) throw rateLimitExceeded(state);
    }
    const account = path === '/sign-in/email' ? accountOf(body) : null;
    if (account !== null) assertMayGuess(failures, account);
    const response = await accounts.handle(toWebRequest(request, publicUrl(), body));
    if (account !== null && response.status === 401) failures.count(account);
    return send(reply, response);
  };
  http.get(`${BASE_PATH}/*`, { config: { access: 'anyone' }, schema: { hide: true } }, answer);
  http.post(
    `${BASE_PATH}/*`,
    { config: { access: 'anyone', rateLimit: tries }, schema: { hide: true }, bodyLimit: BODY_LIMIT },
    answer,
  );
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(body: unknown): Fields | null {
  if (body === undefined || body === null) return null;
  if (typeof body !== 'object' || Array.isArray(body)) {
    throw new LatchkeyError('invalid_request', 'Send the body as a JSON object.');
  }
  for (const [name, value] of Object.entries(body)) {
    const longest = name === 'email' ? 254 : name === 'name' ? 255 : LONGEST_FIELD;
    if (typeof value === 'string' && value.length > longest) {
      throw new LatchkeyError('invalid_request', `${name}: at most ${longest} characters.`, { path: name });
    }
  }
  return body as Fields;
}

function accountOf(body: Fields | null): string | null {
  return typeof body?.email === 'string' ? body.email.trim().toLowerCase() : null;
}

function assertMayGuess(failures: RateLimiter, account: string): void {
  const state = failures.peek(account);
  if (state.remaining <= 0) throw rateLimitExceeded(state);
}

function toWebRequest(request: HttpRequest, publicUrl: string, body: Fields | null): Request {
  const headers = new Headers();
  for (const name of ['authorization', 'cookie', 'origin', 'referer', 'user-agent', 'accept']) {
    const value = request.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  // Every browser sends the first of these with the others. A program that sends the others alone is no page that somebody was led to.
  if (request.headers['sec-fetch-site'] !== undefined) {
    for (const name of ['sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest']) {
      const value = request.headers[name];
      if (typeof value === 'string') headers.set(name, value);
    }
  }
  if (request.method === 'POST') headers.set('content-type', 'application/json');
  return new Request(`${publicUrl}${request.url}`, {
    method: request.method,
    headers,
    ...(request.method === 'POST' ? { body: JSON.stringify(body ?? {}) } : {}),
  });
}

async function send(reply: HttpReply, response: Response): Promise<HttpReply> {
  const body = Buffer.from(await response.arrayBuffer());
  for (const [name, value] of response.headers) {
    // Answers about sessions are kept by nobody; each cookie is a header of its own.
    const isSaidOtherwise =
      name === 'set-cookie' || name === 'cache-control' || (name === 'content-type' && body.length === 0);
    if (!isSaidOtherwise) reply.header(name, value);
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) reply.header('set-cookie', cookies);
  return reply.code(response.status).send(body);
}
