import { ApiError } from './api-error.ts';

export const FAULTS = [500, 429, 409, 'timeout', 'reset'] as const;
export type Fault = (typeof FAULTS)[number];

/** Why a request is refused with 429: too many of them, or another one holds the object it is about. */
export const FAULT_CODES = ['rate_limit', 'lock_timeout'] as const;
export type FaultCode = (typeof FAULT_CODES)[number];

/** Which requests fail: of this method, and below this path. Without either, all of them. */
export type FaultMatch = { method?: string; path?: string };

/** What happens to a request that was chosen to fail; `after` means that it is carried out and only its answer is lost. */
export type PlannedFault = { fault: Fault; code: FaultCode | null; when: 'after' | 'before'; match: FaultMatch };

const NO_FAULT: PlannedFault = { fault: 500, code: null, when: 'before', match: {} };

/** Whether `path` is `prefix` or lies below it: `/v1/customers` is not `/v1/customers_of_others`. */
function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}

/** Failures asked for through the control API. They are not kept in the state file: a restart heals everything. */
export class FaultPlan {
  #left = 0;
  #planned: PlannedFault = NO_FAULT;

  /** Lets the next `requests` that match fail, in place of what was planned before. */
  plan(requests: number, planned: PlannedFault): void {
    this.#left = requests;
    this.#planned = planned;
  }

  clear(): void {
    this.plan(0, NO_FAULT);
  }

  get left(): number {
    return this.#left;
  }

  /** The fault of this request, which is used up by asking. */
  take(request: { method: string; pathname: string }): PlannedFault | undefined {
    const { method, path } = this.#planned.match;
    const matches = method === undefined || method === request.method;
    if (this.#left === 0 || !matches || (path !== undefined && !isBelow(request.pathname, path))) return undefined;
    this.#left -= 1;
    return this.#planned;
  }
}

const LOCKED =
  'This object cannot be accessed right now because another API request or Stripe process is currently accessing it. If you see this error intermittently, retry the request (asked for through the control API).';

function refused(status: number, code: FaultCode): ApiError {
  const message =
    code === 'lock_timeout' ? LOCKED : 'Too many requests hit the API too quickly (asked for through the control API).';
  return new ApiError(status, 'invalid_request_error', message, { code });
}

/** The error a fault is answered with; undefined for those that are no answer at all. */
export function faultError({ fault, code }: PlannedFault): ApiError | undefined {
  switch (fault) {
    case 500:
      return new ApiError(500, 'api_error', 'An unknown error occurred (asked for through the control API).');
    case 429:
      return refused(429, code ?? 'rate_limit');
    case 409:
      return refused(409, code ?? 'lock_timeout');
    case 'reset':
    case 'timeout':
      return undefined;
  }
}
