import type { ErrorCode, FieldProblem } from '@latchkey/core';

/** What the server says of an error, in its words: problem+json (RFC 9457). */
export interface ApiProblem {
  status: number;
  /** One of the codes in docs/errors; another where a proxy answered in the server's place. */
  code: ErrorCode | (string & {});
  title: string;
  detail: string;
  /** The field at fault, such as `machine.fingerprint`. */
  path: string | null;
  fields: readonly FieldProblem[];
  /** To be named when asking about it: the server's log has it too. */
  requestId: string | null;
  retryAfterSeconds: number | null;
  /** The whole body, with whatever more a code carries; null where it was no JSON. */
  body: Readonly<Record<string, unknown>> | null;
}

/** The server answered, and the answer was an error. */
export class LatchkeyApiError extends Error implements ApiProblem {
  override readonly name = 'LatchkeyApiError';
  readonly status: number;
  readonly code: ApiProblem['code'];
  readonly title: string;
  readonly detail: string;
  readonly path: string | null;
  readonly fields: readonly FieldProblem[];
  readonly requestId: string | null;
  readonly retryAfterSeconds: number | null;
  readonly body: ApiProblem['body'];

  constructor(problem: ApiProblem) {
    super(`${problem.code}: ${problem.detail}`);
    this.status = problem.status;
    this.code = problem.code;
    this.title = problem.title;
    this.detail = problem.detail;
    this.path = problem.path;
    this.fields = problem.fields;
    this.requestId = problem.requestId;
    this.retryAfterSeconds = problem.retryAfterSeconds;
    this.body = problem.body;
  }
}

/** There was no answer: nobody listens, the connection broke, or it took too long. What was asked may or may not have been done. */
export class LatchkeyUnreachableError extends Error {
  override readonly name = 'LatchkeyUnreachableError';
  readonly reason: 'connection' | 'timeout';

  constructor(reason: 'connection' | 'timeout', detail: string, cause: unknown) {
    super(detail, { cause });
    this.reason = reason;
  }
}

/**
 * Whether the error means that the server is away for now, so that the same call may go well later: no answer, an answer of 5xx, or
 * one that asks to come back later (408, 429). A refusal is not an outage.
 */
export function isOutage(error: unknown): boolean {
  if (error instanceof LatchkeyUnreachableError) return true;
  return error instanceof LatchkeyApiError && (error.status >= 500 || error.status === 408 || error.status === 429);
}

/** The error that an answer stands for, whatever its body is. */
export function toApiError(status: number, headers: Headers, text: string): LatchkeyApiError {
  const body = readObject(text);
  const textOf = (name: string): string | null => (typeof body?.[name] === 'string' ? body[name] : null);
  return new LatchkeyApiError({
    status,
    code: textOf('code') ?? `http_${status}`,
    title: textOf('title') ?? `The server answered ${status}`,
    detail: textOf('detail') ?? textOf('error') ?? `The server answered ${status} without a problem of its own.`,
    path: textOf('path'),
    fields: Array.isArray(body?.errors) ? (body.errors as FieldProblem[]) : [],
    requestId: textOf('request_id') ?? headers.get('x-request-id'),
    retryAfterSeconds: readRetryAfter(headers.get('retry-after')),
    body,
  });
}

function readObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function readRetryAfter(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - Date.now()) / 1_000));
}
