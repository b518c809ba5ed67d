import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock/clock.ts';
import type { Scheduler } from '../clock/scheduler.ts';
import type { Dispatcher } from '../deliveries/dispatcher.ts';
import { releaseHeld } from '../deliveries/release.ts';
import type { Engine } from '../engine.ts';
import { ApiError, invalidRequest } from '../http/api-error.ts';
import type { FaultPlan } from '../http/faults.ts';
import { Router } from '../http/router.ts';
import { isObject, type Json, type JsonObject } from '../json.ts';
import type { PathValues } from '../resources/resource.ts';
import { DELIVERY_MODES, type Delivery, type DeliveryStore } from '../store/deliveries.ts';
import {
  attachByControl,
  authenticateByControl,
  authenticateSetupByControl,
  completeByControl,
  listEndpoints,
} from './acts.ts';
import { closeByControl, disputeByControl } from './disputes.ts';
import { plannedFault } from './faults.ts';

type ControlContext = {
  adminToken: string;
  engine: Engine;
  clock: Clock;
  scheduler: Scheduler;
  dispatcher: Dispatcher;
  deliveries: DeliveryStore;
  faults: FaultPlan;
  reset(): void;
};

type ControlRequest = {
  method: string;
  pathname: string;
  query: URLSearchParams;
  body: string;
  authorization: string | undefined;
};

type Handler = (body: JsonObject, path: PathValues, query: URLSearchParams) => JsonObject | Promise<JsonObject>;

const MAX_SETTLE_MS = 120_000;
const DEFAULT_SETTLE_MS = 10_000;

function bad(message: string, param: string): ApiError {
  return invalidRequest(message, { param });
}

function parseBody(text: string): JsonObject {
  if (text.trim() === '') return {};
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch {
    throw invalidRequest('The body is not JSON.');
  }
  if (!isObject(parsed)) throw invalidRequest('The body must be a JSON object.');
  return parsed;
}

function optionalText(body: JsonObject, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw bad(`${name} must be a string.`, name);
}

function optionalNumber(body: JsonObject, name: string, max: number): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw bad(`${name} must be a whole number from 0 to ${max}.`, name);
}

/** The control API under `/_sandbox`: the clock, deliveries, faults, and what people do on the hosted pages. JSON both ways. */
export class Control {
  readonly #context: ControlContext;
  readonly #router = new Router<Handler>();

  constructor(context: ControlContext) {
    this.#context = context;
    const routes: [string, string, Handler][] = [
      ['GET', '/_sandbox/health', () => ({ status: 'healthy', now: this.#nowIso() })],
      ['GET', '/_sandbox/clock', () => this.#clockState()],
      ['POST', '/_sandbox/clock', (body) => this.#moveClock(body)],
      ['POST', '/_sandbox/webhooks', (body) => this.#setMode(body)],
      ['POST', '/_sandbox/webhooks/flush', (body) => this.#flush(body)],
      ['POST', '/_sandbox/webhooks/settle', (body) => this.#settle(body)],
      ['GET', '/_sandbox/deliveries', (_body, _path, query) => this.#listDeliveries(query)],
      ['GET', '/_sandbox/webhook_endpoints', () => listEndpoints(context.engine)],
      ['GET', '/_sandbox/fail', () => ({ left: context.faults.left })],
      ['POST', '/_sandbox/fail', (body) => this.#planFaults(body)],
      ['POST', '/_sandbox/checkout/sessions/{id}/complete', (body, path) => this.#complete(body, path)],
      ['POST', '/_sandbox/payment_intents/{id}/authenticate', (body, path) => this.#authenticate(body, path)],
      ['POST', '/_sandbox/setup_intents/{id}/authenticate', (body, path) => this.#authenticateSetup(body, path)],
      ['POST', '/_sandbox/customers/{id}/payment_method', (body, path) => this.#swapCard(body, path)],
      ['POST', '/_sandbox/charges/{id}/dispute', (body, path) => disputeByControl(context.engine, path.id ?? '', body)],
      ['POST', '/_sandbox/disputes/{id}/close', (body, path) => closeByControl(context.engine, path.id ?? '', body)],
      ['POST', '/_sandbox/reset', () => this.#reset()],
    ];
    for (const [method, pattern, handler] of routes) this.#router.add(method, pattern, handler);
  }

  /** Answers a request; errors are in Stripe's own envelope. */
  async answer(request: ControlRequest): Promise<{ status: number; body: JsonObject }> {
    try {
      this.#authorize(request.authorization);
      const match = this.#router.match(request.method, request.pathname);
      if (match === undefined) {
        throw new ApiError(
          404,
          'invalid_request_error',
          `No such control call: ${request.method} ${request.pathname}.`,
        );
      }
      return { status: 200, body: await match.target(parseBody(request.body), match.path, request.query) };
    } catch (error) {
      if (error instanceof ApiError) return { status: error.status, body: error.toBody() };
      throw error;
    }
  }

  #authorize(header: string | undefined): void {
    const expected = Buffer.from(`Bearer ${this.#context.adminToken}`);
    const given = Buffer.from(header ?? '');
    if (given.length === expected.length && timingSafeEqual(given, expected)) return;
    throw new ApiError(
      401,
      'invalid_request_error',
      'The control API needs the admin token: Authorization: Bearer <token>.',
    );
  }

  #nowIso(): string {
    return new Date(this.#context.clock.nowMs()).toISOString();
  }

  #clockState(): JsonObject {
    const next = this.#context.scheduler.nextDueMs();
    const counts = this.#context.deliveries.counts(this.#context.clock.nowMs());
    return {
      now: this.#nowIso(),
      next_due_at: next === null ? null : new Date(next).toISOString(),
      pending_deliveries: counts.due,
      waiting_deliveries: counts.waiting,
      held_deliveries: counts.held,
    };
  }

  #moveClock(body: JsonObject): JsonObject {
    const to = optionalText(body, 'to');
    const ms = to === undefined ? Number.NaN : Date.parse(to);
    if (Number.isNaN(ms)) throw bad('`to` must be a time in ISO 8601, e.g. 2030-01-31T00:00:00Z.', 'to');
    if (ms < this.#context.clock.nowMs()) {
      throw bad(`The clock never goes back: it is ${this.#nowIso()} already.`, 'to');
    }
    this.#context.scheduler.moveTo(ms);
    return this.#clockState();
  }

  #setMode(body: JsonObject): JsonObject {
    const mode = DELIVERY_MODES.find((one) => one === body.mode);
    if (mode === undefined) throw bad(`mode must be one of ${DELIVERY_MODES.join(', ')}.`, 'mode');
    this.#context.deliveries.setMode(mode);
    return { mode, ...this.#clockState() };
  }

  #flush(body: JsonObject): JsonObject {
    const released = releaseHeld(this.#context, optionalNumber(body, 'seed', 2 ** 32 - 1));
    return { released, ...this.#clockState() };
  }

  async #settle(body: JsonObject): Promise<JsonObject> {
    const timeoutMs = optionalNumber(body, 'timeout_ms', MAX_SETTLE_MS) ?? DEFAULT_SETTLE_MS;
    // What falls due this very moment makes deliveries too.
    this.#context.scheduler.catchUp();
    if (this.#context.deliveries.mode() === 'shuffle') releaseHeld(this.#context, undefined);
    const settled = await this.#context.dispatcher.settle(timeoutMs);
    return { settled, ...this.#clockState() };
  }

  #listDeliveries(query: URLSearchParams): JsonObject {
    const limit = Number(query.get('limit') ?? 100);
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw bad('limit must be from 1 to 1000.', 'limit');
    return { object: 'list', data: this.#context.deliveries.latest(limit).map(showDelivery) };
  }

  #planFaults(body: JsonObject): JsonObject {
    const requests = optionalNumber(body, 'requests', 1_000_000) ?? 1;
    const planned = plannedFault(body);
    this.#context.faults.plan(requests, planned);
    const { fault: status, code, when, match } = planned;
    return { requests, status, code, when, match };
  }

  #complete(body: JsonObject, path: PathValues): JsonObject {
    const buyer = {
      paymentMethod: optionalText(body, 'payment_method') ?? 'pm_card_visa',
      email: optionalText(body, 'email') ?? null,
      name: optionalText(body, 'name') ?? null,
      authentication: optionalText(body, 'authentication') === 'fail' ? ('fail' as const) : ('success' as const),
      promotionCode: optionalText(body, 'promotion_code') ?? null,
    };
    return completeByControl(this.#context.engine, path.id ?? '', buyer);
  }

  #authenticate(body: JsonObject, path: PathValues): JsonObject {
    const outcome = optionalText(body, 'outcome') === 'fail' ? 'fail' : 'success';
    return authenticateByControl(this.#context.engine, path.id ?? '', outcome);
  }

  #authenticateSetup(body: JsonObject, path: PathValues): JsonObject {
    const outcome = optionalText(body, 'outcome') === 'fail' ? 'fail' : 'success';
    return authenticateSetupByControl(this.#context.engine, path.id ?? '', outcome);
  }

  #swapCard(body: JsonObject, path: PathValues): JsonObject {
    const paymentMethod = optionalText(body, 'payment_method');
    if (paymentMethod === undefined) throw bad('Missing required param: payment_method.', 'payment_method');
    return attachByControl(this.#context.engine, path.id ?? '', paymentMethod);
  }

  #reset(): JsonObject {
    this.#context.reset();
    return { reset: true, ...this.#clockState() };
  }
}

function showDelivery(delivery: Delivery): JsonObject {
  return {
    id: delivery.id,
    event: delivery.event,
    type: delivery.eventType,
    endpoint: delivery.endpoint,
    status: delivery.state,
    attempts: delivery.attempts,
    response_status: delivery.responseStatus,
    error: delivery.error,
    created_at: new Date(delivery.createdMs).toISOString(),
    next_attempt_at: delivery.state === 'pending' ? new Date(delivery.nextAttemptMs).toISOString() : null,
  };
}
