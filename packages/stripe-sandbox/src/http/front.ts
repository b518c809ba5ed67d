import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock/clock.ts';
import type { Control } from '../control/control.ts';
import type { Engine } from '../engine.ts';
import { newId } from '../ids.ts';
import type { Pages } from '../pages/pages.ts';
import { textsIn } from '../parameters/json.ts';
import { ApiError } from './api-error.ts';
import { BodyTooLarge, readBody } from './body.ts';
import type { V1, V1Answer } from './v1.ts';

/** How long a request that must hang is kept before its connection is dropped. */
const HANGING_MS = 60_000;

type Reply = { status: number; headers: Record<string, string>; body: string };

type FrontParts = {
  engine: Engine;
  v1: V1;
  control: Control;
  pages: Pages;
  clock: Clock;
  log(line: string): void;
  /** Carries out what has fallen due, so that every request sees it done. */
  catchUp(): void;
};

const LONGEST_ID = 255;

/** What a request may name: the parts of its path (a client secret names its intent) and the values of its parameters. */
function namesIn(url: URL, body: string): string[] {
  const inPath = url.pathname.split('/').map((part) => part.replace(/_secret_.*$/, ''));
  const given = [...url.searchParams, ...new URLSearchParams(body)].filter(([name]) => !name.includes('metadata'));
  const values = [...inPath, ...given.map(([, value]) => value), ...textsIn(body)];
  return values.filter((value) => value.includes('_') && value.length <= LONGEST_ID);
}

/** Everything that arrives over HTTP: reads it, hands it to the API, the control API or the pages, and writes the answer. */
export class Front {
  readonly #parts: FrontParts;

  constructor(parts: FrontParts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', 'http://sandbox');
      const body = await readBody(request);
      this.#parts.catchUp();
      await this.#parts.engine.about(namesIn(url, body), () => this.#serve(request, response, url, body));
    } catch (error) {
      this.#fail(response, error);
    }
  }

  #serve(request: IncomingMessage, response: ServerResponse, url: URL, body: string): Promise<void> | void {
    const { pathname } = url;
    if (pathname.startsWith('/v1/') || pathname.startsWith('/v2/')) return this.#serveV1(request, response, url, body);
    if (pathname.startsWith('/_sandbox')) return this.#serveControl(request, response, url, body);
    this.#send(response, this.#parts.pages.answer(request.method ?? 'GET', pathname, body));
  }

  #serveV1(request: IncomingMessage, response: ServerResponse, url: URL, body: string): void {
    const { answer, done } = this.#parts.v1.answer({
      method: request.method ?? 'GET',
      pathname: url.pathname,
      query: url.search.slice(1),
      body,
      headers: request.headers,
    });
    response.once('close', done);
    this.#sendV1(response, answer);
  }

  #sendV1(response: ServerResponse, answer: V1Answer): void {
    if (answer.lost === 'reset') {
      response.socket?.resetAndDestroy();
    } else if (answer.lost === 'timeout') {
      const timer = setTimeout(() => response.socket?.destroy(), HANGING_MS);
      response.once('close', () => clearTimeout(timer));
    } else {
      this.#send(response, answer);
    }
  }

  async #serveControl(request: IncomingMessage, response: ServerResponse, url: URL, body: string): Promise<void> {
    const answer = await this.#parts.control.answer({
      method: request.method ?? 'GET',
      pathname: url.pathname,
      query: url.searchParams,
      body,
      authorization: request.headers.authorization,
    });
    this.#send(response, {
      status: answer.status,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(answer.body),
    });
  }

  #send(response: ServerResponse, reply: Reply): void {
    // The sandbox clock, not the wall's: clients order an answer against the `created` of events by it.
    response.sendDate = false;
    response.writeHead(reply.status, {
      ...reply.headers,
      Date: new Date(this.#parts.clock.nowMs()).toUTCString(),
      'Content-Length': Buffer.byteLength(reply.body),
    });
    response.end(reply.body);
  }

  #fail(response: ServerResponse, error: unknown): void {
    if (response.headersSent || response.destroyed) return;
    const known =
      error instanceof BodyTooLarge
        ? new ApiError(413, 'invalid_request_error', 'The request body is larger than 1 MiB.')
        : new ApiError(500, 'api_error', 'An error occurred inside the local Stripe; its log has the details.');
    if (known.status === 500) this.#parts.log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    const headers: Record<string, string> = { 'Content-Type': 'application/json', 'Request-Id': newId('req_', 14) };
    // The rest of a body that is too large is not read.
    if (known.status === 413) headers.Connection = 'close';
    this.#send(response, { status: known.status, headers, body: JSON.stringify(known.toBody()) });
  }
}
