import type { SandboxObserver } from '../../src/observer.ts';
import { loadConformanceDocument } from './document.ts';
import { routeKey } from './sdk-routes.ts';
import { type ConformanceValidator, createValidator } from './validator.ts';

/** Watches a sandbox and collects every departure from the types of Stripe's SDK. */
export interface ConformanceObserver extends SandboxObserver {
  /** How much has been seen, so that a test can tell silence from success. */
  readonly seen: { answers: number; requests: number; errors: number; events: number };
  /** Throws a list of all departures, each once; passes when there are none. */
  assertConforms(): void;
}

let shared: Promise<ConformanceValidator> | undefined;

/** The validator of the installed SDK, one for each process. */
export function sdkValidator(): Promise<ConformanceValidator> {
  shared ??= loadConformanceDocument().then(createValidator);
  return shared;
}

/**
 * An observer for `startStripeSandbox({ observer })`. Answers rendered for another version of the API are let through: the
 * SDK's types describe its own version only. Requests are held against the types once the sandbox has accepted them; one that
 * it refuses may well be wrong on purpose.
 */
export async function createConformanceObserver(): Promise<ConformanceObserver> {
  const validator = await sdkValidator();
  const { document } = validator;
  const seen = { answers: 0, requests: 0, errors: 0, events: 0 };
  const departures = new Map<string, number>();
  const note = (where: string, faults: readonly string[]) => {
    for (const fault of faults) {
      // The same departure under another index or id is the same departure.
      const line = `${where}: ${fault}`.replace(/\/data\/\d+/g, '/data/*');
      departures.set(line, (departures.get(line) ?? 0) + 1);
    }
  };
  return {
    seen,
    exchange(observed) {
      const exchange = asSent(observed);
      if (!/^\/v[12]\//.test(exchange.path) || exchange.apiVersion !== document.apiVersion) return;
      if (exchange.status >= 400) {
        seen.errors += 1;
        note(
          `${exchange.method} ${exchange.route} ${exchange.status} error`,
          validator.faults(document.error, exchange.body),
        );
        return;
      }
      const key = routeKey(exchange.method, exchange.route);
      const route = document.routes[key];
      if (route === undefined) {
        note(key, ['the SDK has no such route']);
        return;
      }
      seen.answers += 1;
      seen.requests += 1;
      note(`${exchange.method} ${exchange.route} answer`, validator.faults(route.answer, exchange.body));
      note(
        `${exchange.method} ${exchange.route} request`,
        validator.faults(route.params, { ...exchange.query, ...exchange.params }),
      );
    },
    event(observed) {
      const event = asSent(observed);
      if (event.api_version !== document.apiVersion) return;
      seen.events += 1;
      note(`event ${String(event.type)}`, validator.faults({ event: true }, event));
    },
    assertConforms() {
      if (departures.size === 0) return;
      const lines = [...departures].map(([line, times]) => (times === 1 ? line : `${line} (${times} times)`));
      throw new Error(`The sandbox departs from the types of stripe ${document.sdkVersion}:\n${lines.join('\n')}`);
    },
  };
}

// What is undefined in memory is not in the JSON that leaves the sandbox.
function asSent<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
