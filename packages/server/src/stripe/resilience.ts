import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  type IBackoff,
  type IBackoffFactory,
  type IRetryBackoffContext,
  retry,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';

/** `closed`: calls go through; `open`: they are refused at once, for Stripe does not answer; `half_open`: one is let through to see. */
export type Circuit = 'closed' | 'open' | 'half_open';

export interface ResilienceOptions {
  /** Whether an error says that Stripe, or the way to it, is out of order: only these are tried again and open the circuit. */
  isOutage(error: unknown): boolean;
  /** How long Stripe asks to be left alone, in milliseconds; null when it does not say. */
  waitAsked?(error: unknown): number | null;
  /** Told once when the circuit opens, and once when it closes. */
  circuitTurned?(circuit: Circuit): void;
  /** One call, all told. */
  timeoutMs?: number;
  /** Attempts after the first. */
  retries?: number;
  /** The first wait before a retry; it doubles, with jitter. */
  retryDelayMs?: number;
  /** Outages in a row that open the circuit. */
  failuresToOpen?: number;
  /** How long an open circuit refuses before it lets one call through. */
  openMs?: number;
}

export interface Resilience {
  run<T>(call: () => Promise<T>): Promise<T>;
  circuit(): Circuit;
  /** Whether an error is this policy's own word that Stripe cannot be reached now. */
  isRefusal(error: unknown): boolean;
  /** How long an open circuit refuses: what a caller may be told to wait. */
  readonly openSeconds: number;
}

/** More calls at a time than this wait; more waiting calls than that are refused, so that a slow Stripe cannot hold every request here. */
const MOST_AT_A_TIME = 20;
const MOST_WAITING = 200;
/** Whoever asks here does not wait longer for another attempt; what Stripe asks beyond that is passed on to them. */
const LONGEST_WAIT_MS = 3_000;

/** Timeout around each attempt, breaker around the attempts, retry with jitter around that, and a bound on all of it. */
export function createResilience(options: ResilienceOptions): Resilience {
  const { isOutage, timeoutMs = 8_000, retries = 2, retryDelayMs = 200, failuresToOpen = 5, openMs = 10_000 } = options;
  const waitAsked = options.waitAsked ?? (() => null);
  const isFailure = (error: unknown) => isOutage(error) || error instanceof TaskCancelledError;
  const breaker = circuitBreaker(handleWhen(isFailure), {
    halfOpenAfter: openMs,
    breaker: new ConsecutiveBreaker(failuresToOpen),
  });
  // A call that finds the circuit half open is a question; only its answer is news.
  breaker.onBreak(() => options.circuitTurned?.('open'));
  breaker.onReset(() => options.circuitTurned?.('closed'));
  const isWorthWaiting = (error: unknown) => isFailure(error) && (waitAsked(error) ?? 0) <= LONGEST_WAIT_MS;
  const backoff = new ExponentialBackoff({ initialDelay: retryDelayMs, maxDelay: 2_000 });
  const policy = wrap(
    bulkhead(MOST_AT_A_TIME, MOST_WAITING),
    retry(handleWhen(isWorthWaiting), { maxAttempts: retries, backoff: atLeastAsAsked(backoff, waitAsked) }),
    breaker,
    timeout(timeoutMs, TimeoutStrategy.Aggressive),
  );
  return {
    run: (call) => policy.execute(call),
    circuit() {
      switch (breaker.state) {
        case CircuitState.Open:
        case CircuitState.Isolated:
          return 'open';
        case CircuitState.HalfOpen:
          return 'half_open';
        default:
          return 'closed';
      }
    },
    isRefusal: (error) =>
      error instanceof BrokenCircuitError ||
      error instanceof BulkheadRejectedError ||
      error instanceof TaskCancelledError,
    openSeconds: Math.ceil(openMs / 1000),
  };
}

type RetryContext = IRetryBackoffContext<unknown>;

/** The waits of `factory`, but none shorter than what Stripe asked for. */
function atLeastAsAsked(
  factory: IBackoffFactory<RetryContext>,
  waitAsked: (error: unknown) => number | null,
): IBackoffFactory<RetryContext> {
  return {
    next(context): IBackoff<RetryContext> {
      const backoff = factory.next(context);
      const asked = 'error' in context.result ? (waitAsked(context.result.error) ?? 0) : 0;
      return { duration: Math.max(backoff.duration, asked), next: atLeastAsAsked(backoff, waitAsked).next };
    },
  };
}
