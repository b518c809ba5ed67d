/**
 * The one registry of what can go wrong. Every code has a page in `docs/errors/<code>.md` with its cause and its fix; over HTTP it
 * becomes problem+json (RFC 9457) with the status given here. A domain "no" (an expired license, a full machine limit) is not an
 * error: see the decisions in `license/`.
 */
export const errorRegistry = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  invalid_json: { status: 400, title: 'The body is not valid JSON' },
  invalid_signature: { status: 400, title: 'The webhook signature does not match' },
  catalog_invalid: { status: 400, title: 'The catalog is not valid' },
  product_unknown: { status: 400, title: 'No such product in the catalog' },
  plan_unknown: { status: 400, title: 'No such plan in the catalog' },
  meter_unknown: { status: 400, title: 'No such meter in the catalog' },
  quantity_invalid: { status: 400, title: 'The quantity is not one that the meter can count' },
  event_in_future: { status: 400, title: 'The event has not happened yet' },
  event_too_old: { status: 400, title: 'The event happened too long ago' },
  properties_too_large: { status: 400, title: 'The properties of the event are too large' },
  unauthorized: { status: 401, title: 'Credentials are missing or not valid' },
  insufficient_balance: { status: 402, title: 'Less is available than was asked for' },
  limit_reached: { status: 402, title: 'The limit of the plan is reached' },
  stripe_declined: { status: 402, title: 'The payment was declined' },
  forbidden: { status: 403, title: 'These credentials do not allow this call' },
  foreign_license: { status: 403, title: 'The event is of another licence' },
  not_found: { status: 404, title: 'There is nothing at this address' },
  resource_missing: { status: 404, title: 'No such object' },
  method_not_allowed: { status: 405, title: 'This address does not answer to this method' },
  timeout: { status: 408, title: 'The request took too long' },
  conflict: { status: 409, title: 'The object was changed by someone else' },
  license_state_conflict: { status: 409, title: "The license's state does not allow this" },
  offline_files_not_offered: { status: 409, title: 'This plan has no offline licence files' },
  subscription_state_conflict: { status: 409, title: "The subscription's state does not allow this" },
  plan_change_not_possible: { status: 409, title: 'The subscription cannot be changed to this plan' },
  subscription_change_in_progress: { status: 409, title: 'Another change of this subscription is under way' },
  subscription_change_outdated: { status: 409, title: 'The preview is too old to be carried out' },
  already_subscribed: { status: 409, title: 'The customer has a subscription to this product' },
  payment_method_in_use: { status: 409, title: 'A subscription is paid with this payment method' },
  license_not_in_force: { status: 409, title: 'The licence is not in force' },
  event_id_reused: { status: 409, title: 'Another use was counted under this id' },
  operation_key_reused: { status: 409, title: 'This operation key was used for something else' },
  session_running: { status: 409, title: 'The licence is in use by another session' },
  reservation_closed: { status: 409, title: 'The reservation has ended' },
  idempotency_key_in_use: { status: 409, title: 'A request with this Idempotency-Key is still being worked on' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'This content type is not understood here' },
  idempotency_key_reused: { status: 422, title: 'This Idempotency-Key was used with another request' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something broke on our side' },
  secret_missing: { status: 500, title: 'A secret that is needed is not set' },
  stripe_rejected: { status: 502, title: 'Stripe refused the call' },
  overloaded: { status: 503, title: 'Too much is waiting to be written' },
  stripe_not_configured: { status: 503, title: 'Stripe is not configured' },
  stripe_unavailable: { status: 503, title: 'Stripe cannot be reached at the moment' },
  unavailable: { status: 503, title: 'The server cannot do this at the moment' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof errorRegistry;

/** One field that is wrong, where a request has several. */
export interface FieldProblem {
  /** Where in the body, query or path: `machine.fingerprint`, `items[0].id`. */
  path: string;
  code: string;
  message: string;
}

export interface LatchkeyErrorOptions {
  /** JSON path of the field at fault, such as `machine.fingerprint`. */
  path?: string;
  /** Every field at fault; answered as `errors`. */
  fields?: readonly FieldProblem[];
  /** When trying again may help; becomes the Retry-After header. */
  retryAfterSeconds?: number;
  /** More that a caller may use, answered as it is: never a secret or a key. */
  meta?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

/** An error that a caller is meant to see: its code is in the registry and its detail says what to do. */
export class LatchkeyError extends Error {
  override readonly name = 'LatchkeyError';
  readonly code: ErrorCode;
  /** What happened this time, for people. Never holds a secret or a license key. */
  readonly detail: string;
  readonly path?: string;
  readonly fields?: readonly FieldProblem[];
  readonly retryAfterSeconds?: number;
  readonly meta?: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, detail: string, options: LatchkeyErrorOptions = {}) {
    super(`${code}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = detail;
    if (options.path !== undefined) this.path = options.path;
    if (options.fields !== undefined) this.fields = options.fields;
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
    if (options.meta !== undefined) this.meta = options.meta;
  }

  get status(): number {
    return errorRegistry[this.code].status;
  }

  get title(): string {
    return errorRegistry[this.code].title;
  }
}

/** Whether a text is a code of the registry. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorRegistry, code);
}
