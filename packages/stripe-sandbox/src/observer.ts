import type { JsonObject } from './json.ts';

/** One call of the `/v1` API and its answer. */
export interface Exchange {
  method: string;
  path: string;
  /** As Stripe's reference writes it, e.g. `/v1/customers/{customer}`; empty when there is no such route. */
  route: string;
  /** Decoded parameters of a GET or DELETE: numbers, booleans and arrays as their schema reads them. */
  query: JsonObject;
  /** Decoded parameters of a POST. */
  params: JsonObject;
  status: number;
  /** The answer, as the caller's version of the API shows it. */
  body: JsonObject;
  apiVersion: string;
}

/** Sees everything that leaves the sandbox; for conformance checks in tests. It must not throw. */
export interface SandboxObserver {
  exchange(exchange: Exchange): void;
  /** Every event, once it is committed, in the newest version's shape. */
  event(event: JsonObject): void;
}
