/** How a request is refused: a problem (RFC 9457), or the app's own shape. */

export interface Refusal {
  status: 401 | 402 | 403 | 409 | 429 | 503;
  /** `unauthorized` `insufficient_balance` `forbidden` `session_running` `limit_reached` `unavailable`. */
  code: string;
  title: string;
  detail: string;
  headers: Readonly<Record<string, string>>;
  /** More that the problem says, such as what is left. */
  more: Readonly<Record<string, unknown>>;
}

export interface RefusalAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: unknown;
}

/** Turns a refusal into an answer: for apps with error bodies of their own. */
export type Present = (refusal: Refusal) => {
  status: number;
  headers?: Readonly<Record<string, string>>;
  body: unknown;
};

/** The answer to a refused request: the app's own, with the refusal's headers, or problem+json. */
export function answerOf(refusal: Refusal, present: Present | undefined): RefusalAnswer {
  const { status, code, title, detail, headers, more } = refusal;
  if (present !== undefined) {
    const own = present(refusal);
    return {
      status: own.status,
      headers: { 'content-type': 'application/json', ...headers, ...own.headers },
      body: own.body,
    };
  }
  const body = { ...more, type: 'about:blank', title, status, code, detail };
  return { status, headers: { 'content-type': 'application/problem+json', ...headers }, body };
}

export const NOBODY: Refusal = {
  status: 401,
  code: 'unauthorized',
  title: 'A licence is needed',
  detail: 'Name your licence key in the header X-License-Key, as license_key in the query, or in the body.',
  headers: {},
  more: {},
};

export const UNKNOWN: Refusal = {
  status: 401,
  code: 'unauthorized',
  title: 'The licence is not known',
  detail: 'There is no such licence. Look at how the key is written.',
  headers: {},
  more: {},
};

/** The server is away, and the app was told to be closed then. */
export function unavailable(retryAfterSeconds: number): Refusal {
  return {
    status: 503,
    code: 'unavailable',
    title: 'This cannot be allowed at the moment',
    detail: 'The licence server cannot be reached. Try again shortly.',
    headers: { 'retry-after': String(retryAfterSeconds) },
    more: {},
  };
}
