import type { JsonObject } from '../json.ts';

type ApiErrorType = 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error';

type ApiErrorDetails = {
  code?: string;
  param?: string;
  decline_code?: string;
  charge?: string;
  advice_code?: string;
  /** Rendered in full, as Stripe does for card errors. */
  payment_intent?: JsonObject;
  payment_method?: JsonObject;
  setup_intent?: JsonObject;
};

/**
 * An error as Stripe answers it. Throwing one rolls the request's changes back unless `keepChanges` is set, which is for
 * declined payments: the attempt happened and leaves its traces even though the call fails.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly type: ApiErrorType;
  readonly details: ApiErrorDetails;
  readonly keepChanges: boolean;

  constructor(
    status: number,
    type: ApiErrorType,
    message: string,
    details: ApiErrorDetails = {},
    keepChanges: boolean = false,
  ) {
    super(message);
    this.status = status;
    this.type = type;
    this.details = details;
    this.keepChanges = keepChanges;
  }

  /** The body of the answer. It always has an `error` key: the SDK takes any 4xx without one for a success. */
  toBody(): JsonObject {
    const { code } = this.details;
    return {
      error: {
        ...this.details,
        ...(code === undefined ? {} : { doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}` }),
        message: this.message,
        type: this.type,
      },
    };
  }
}

/** 400: the request itself is wrong. */
export function invalidRequest(message: string, details: ApiErrorDetails = {}): ApiError {
  return new ApiError(400, 'invalid_request_error', message, details);
}

/** A body parameter names an object that does not exist (400), or the path does (404). */
export function noSuch(noun: string, id: string, param: string, status: 400 | 404 = 400): ApiError {
  return new ApiError(status, 'invalid_request_error', `No such ${noun}: '${id}'`, { code: 'resource_missing', param });
}

/** 400: Stripe knows this parameter, the local Stripe does not do it (yet). Never silently ignored. */
export function unsupported(param: string, reason = 'the local Stripe does not do this yet'): ApiError {
  return invalidRequest(`Unsupported parameter: ${param}: ${reason}.`, { code: 'sandbox_unsupported', param });
}
