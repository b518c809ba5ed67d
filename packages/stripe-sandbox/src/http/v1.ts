import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { show } from '../answers/show.ts';
import type { Clock } from '../clock/clock.ts';
import type { Engine } from '../engine.ts';
import { newId } from '../ids.ts';
import type { JsonObject } from '../json.ts';
import type { SandboxObserver } from '../observer.ts';
import { decodeForm, newRawMap, type RawMap } from '../parameters/form.ts';
import { decodeJson } from '../parameters/json.ts';
import { RESOURCES } from '../resources/registry.ts';
import type { Operation, Prepared } from '../resources/resource.ts';
import { API_VERSION } from '../settings.ts';
import type { IdempotencyStore, StoredAnswer } from '../store/idempotency.ts';
import type { ObjectStore } from '../store/objects.ts';
import { isKnownVersion, renderAs } from '../versions/versions.ts';
import type { Work } from '../work.ts';
import { ApiError, invalidRequest } from './api-error.ts';
import { authenticate } from './authenticate.ts';
import { type FaultPlan, faultError, type PlannedFault } from './faults.ts';
import { type Match, Router } from './router.ts';

export type V1Request = {
  method: string;
  pathname: string;
  query: string;
  body: string;
  headers: IncomingHttpHeaders;
};

export type V1Answer = {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** The answer is not to reach the caller: the connection hangs or breaks instead. */
  lost?: 'reset' | 'timeout';
};

export type V1Context = {
  engine: Engine;
  clock: Clock;
  faults: FaultPlan;
  idempotency: IdempotencyStore;
  objects: ObjectStore;
  observer: SandboxObserver | undefined;
  log(line: string): void;
};

/** What is known of a request while it is answered. */
type Call = {
  request: V1Request;
  requestId: string;
  version: string;
  key: string | null;
  match: Match<Operation> | undefined;
  params: JsonObject;
};

function header(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The `/v1` API, and what there is of `/v2`: authentication, parameters, idempotency, faults, execution, rendering. */
export class V1 {
  readonly #context: V1Context;
  readonly #router = new Router<Operation>();
  /** Keys whose first request has not been answered yet. */
  readonly #inFlight = new Set<string>();

  constructor(context: V1Context) {
    this.#context = context;
    for (const resource of RESOURCES) {
      for (const operation of resource.operations) this.#router.add(operation.method, operation.route, operation);
    }
  }

  /** Answers a request. `done` of the result must be called when the answer has been sent or the caller has gone. */
  answer(request: V1Request): { answer: V1Answer; done: () => void } {
    const call: Call = {
      request,
      requestId: newId('req_', 14),
      version: header(request.headers, 'stripe-version') ?? API_VERSION,
      key: request.method === 'POST' ? header(request.headers, 'idempotency-key') : null,
      match: this.#router.match(request.method, request.pathname),
      params: {},
    };
    const claimed = call.key !== null && !this.#inFlight.has(call.key) ? call.key : null;
    if (claimed !== null) this.#inFlight.add(claimed);
    const answer = this.#answerCall(call, call.key !== null && claimed === null);
    return {
      answer,
      done: () => {
        if (claimed !== null) this.#inFlight.delete(claimed);
      },
    };
  }

  #answerCall(call: Call, keyInUse: boolean): V1Answer {
    try {
      return this.#tryAnswer(call, keyInUse);
    } catch (error) {
      return this.#errorAnswer(call, error);
    }
  }

  #tryAnswer(call: Call, keyInUse: boolean): V1Answer {
    const { request, key } = call;
    authenticate(header(request.headers, 'authorization') ?? undefined);
    if (!isKnownVersion(call.version)) throw invalidRequest(`Invalid Stripe API version: ${call.version}`);
    if (key !== null && key.length > 255) throw invalidRequest('An idempotency key can have up to 255 characters.');
    if (keyInUse) {
      throw new ApiError(
        409,
        'idempotency_error',
        'Another request with this idempotency key is still being carried out.',
        {
          code: 'idempotency_key_in_use',
        },
      );
    }
    const fault = this.#context.faults.take(request);
    if (fault?.when === 'before') {
      const error = faultError(fault);
      if (error !== undefined) throw error;
      return { status: 0, headers: {}, body: '', ...lost(fault) };
    }
    if (call.match === undefined) {
      throw new ApiError(
        404,
        'invalid_request_error',
        `Unrecognized request URL (${request.method}: ${request.pathname}). If Stripe has it, the local Stripe does not have it yet.`,
      );
    }
    const fingerprint = fingerprintOf(request);
    const replay = key === null ? undefined : this.#replay(call, key, fingerprint);
    if (replay !== undefined) return replay;
    const raw = rawParameters(request);
    call.params = raw as JsonObject;
    const prepared = call.match.target.prepare(raw);
    call.params = prepared.params;
    return this.#execute(call, prepared, fingerprint, fault);
  }

  /** The answer kept under the key, when the request is the one it was first used with. */
  #replay(call: Call, key: string, fingerprint: string): V1Answer | undefined {
    const stored = this.#context.idempotency.find(key, this.#context.clock.nowMs());
    if (stored === undefined) return undefined;
    if (stored.path !== call.request.pathname) {
      throw new ApiError(
        400,
        'idempotency_error',
        `Keys for idempotent requests can only be used for the same endpoint they were first used for ('${call.request.pathname}' vs '${stored.path}'). Try using a key other than '${key}' if you meant to execute a different request.`,
      );
    }
    if (stored.fingerprint !== fingerprint) {
      throw new ApiError(
        400,
        'idempotency_error',
        `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
      );
    }
    const headers = { ...this.#headers(call), 'Idempotent-Replayed': 'true', 'Original-Request': stored.requestId };
    return { status: stored.status, headers, body: stored.body };
  }

  /** Carries the request out in one transaction with the answer kept under its key. */
  #execute(call: Call, prepared: Prepared, fingerprint: string, fault: PlannedFault | undefined): V1Answer {
    const cause = { requestId: call.requestId, idempotencyKey: call.key };
    const path = call.match?.path ?? {};
    const keep = (work: Work, status: number, body: string) => {
      if (call.key === null) return;
      const answer: StoredAnswer = {
        fingerprint,
        path: call.request.pathname,
        status,
        body,
        requestId: call.requestId,
      };
      this.#context.idempotency.save(call.key, answer, work.sandboxMs);
    };
    const instead = fault === undefined ? undefined : faultError(fault);
    let answer: V1Answer;
    try {
      answer = this.#context.engine.run(cause, (work) => {
        const outcome = this.#outcome(work, prepared, path, call);
        const result = instead === undefined ? outcome : { status: instead.status, body: instead.toBody() };
        const text = JSON.stringify(result.body, null, 2);
        keep(work, result.status, text);
        this.#observe(call, result.status, result.body);
        return { status: result.status, headers: this.#headers(call), body: text };
      });
    } catch (error) {
      // Nothing of it happened, but the answer still belongs to the key: an error repeats itself, a 500 too.
      const { status, body } = this.#toError(error);
      const text = JSON.stringify(body, null, 2);
      this.#context.engine.run(cause, (work) => keep(work, status, text));
      this.#observe(call, status, body);
      answer = { status, headers: this.#headers(call), body: text };
    }
    return fault === undefined ? answer : { ...answer, ...lost(fault) };
  }

  /** The answer of a request that keeps what it changed: a success, or a decline that leaves its traces. */
  #outcome(
    work: Work,
    prepared: Prepared,
    path: Match<Operation>['path'],
    call: Call,
  ): { status: number; body: JsonObject } {
    try {
      const body = show(work, prepared.execute(work, path), prepared.expand);
      return { status: 200, body: renderAs(call.version, body, this.#context.objects) };
    } catch (error) {
      if (error instanceof ApiError && error.keepChanges) return { status: error.status, body: error.toBody() };
      throw error;
    }
  }

  #toError(error: unknown): { status: number; body: JsonObject } {
    if (error instanceof ApiError) return { status: error.status, body: error.toBody() };
    this.#context.log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    const internal = new ApiError(
      500,
      'api_error',
      'An error occurred inside the local Stripe; its log has the details.',
    );
    return { status: 500, body: internal.toBody() };
  }

  #errorAnswer(call: Call, error: unknown): V1Answer {
    const { status, body } = this.#toError(error);
    this.#observe(call, status, body);
    const headers = this.#headers(call);
    if (status === 401) headers['WWW-Authenticate'] = 'Bearer realm="Stripe"';
    // Stripe advises to try again what was locked; the SDK then does, as often as it is allowed to.
    if (error instanceof ApiError && error.details.code === 'lock_timeout') headers['Stripe-Should-Retry'] = 'true';
    return { status, headers, body: JSON.stringify(body, null, 2) };
  }

  #headers(call: Call): Record<string, string> {
    return {
      'Content-Type': 'application/json',
      'Request-Id': call.requestId,
      'Stripe-Version': call.version,
      ...(call.key === null ? {} : { 'Idempotency-Key': call.key }),
    };
  }

  #observe(call: Call, status: number, body: JsonObject): void {
    const { method, pathname } = call.request;
    this.#context.observer?.exchange({
      method,
      path: pathname,
      route: call.match?.target.route ?? '',
      query: method === 'POST' ? {} : call.params,
      params: method === 'POST' ? call.params : {},
      status,
      body,
      apiVersion: call.version,
    });
  }
}

/** A fault that is no answer: the connection hangs or breaks instead. */
function lost({ fault }: PlannedFault): Pick<V1Answer, 'lost'> {
  return fault === 'reset' || fault === 'timeout' ? { lost: fault } : {};
}

/**
 * The parameters of a call: of the body for POST (JSON under `/v2`), of the query for GET and DELETE (which may have a body
 * as well).
 */
function rawParameters(request: V1Request): RawMap {
  const query = decodeForm(request.query);
  const contentType = header(request.headers, 'content-type');
  if (request.body === '') return query;
  if (request.pathname.startsWith('/v2/')) return Object.assign(newRawMap(), query, decodeJson(request.body));
  if (contentType !== null && !contentType.toLowerCase().startsWith('application/x-www-form-urlencoded')) {
    throw invalidRequest(
      `Invalid request (check that your POST content type is application/x-www-form-urlencoded): it is ${contentType}.`,
    );
  }
  return Object.assign(newRawMap(), query, decodeForm(request.body));
}

/** The same for the same parameters, in whatever order they are written; elements of one list keep theirs. */
function fingerprintOf({ query, body }: { query: string; body: string }): string {
  const parameters = [query, body].map((text) =>
    [...new URLSearchParams(text)].sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)),
  );
  return createHash('sha256').update(JSON.stringify(parameters)).digest('hex');
}
