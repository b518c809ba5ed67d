import type { LatchkeyError } from '@latchkey/core';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Transaction } from '../db/database.ts';
import type { RateLimitPolicy } from './rate-limits.ts';
import type { Scope } from './scopes.ts';

/** The HTTP side as routes see it: Fastify, with schemas in zod. */
export type Http = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export type HttpRequest = FastifyRequest;
export type HttpReply = FastifyReply;

/** Who calls. */
export interface Principal {
  type: 'admin' | 'api_key' | 'customer' | 'anyone';
  /** The API key's id or the customer's; null for the admin token and for anyone. */
  id: string | null;
  scopes: readonly Scope[];
  /** A customer's: every customer id under which they bought, their own among them. */
  owns?: readonly string[];
}

/**
 * Who may call a route. An admin may call every one; a scope is an API key's. Where the owner may, a customer enters for what is
 * theirs, and the handler narrows what it answers by `ownerOf`; `owner` alone is closed to API keys.
 */
export type Access = 'anyone' | 'admin' | 'owner' | { scope: Scope; owner?: true };

/** Remembered while a request with an Idempotency-Key is worked on. */
export interface IdempotencyClaim {
  principal: string;
  key: string;
  /** Whether something was committed under this key, so that it must not be done a second time. */
  committed: boolean;
}

/**
 * Answers a request straight away with JSON that is ready, or says null: then the request goes the ordinary way, with its body's schema
 * and its handler, as if nothing had been tried. It must take nothing that the ordinary way would refuse or answer otherwise; it may
 * throw where the ordinary way would. The body is ASCII without escapes of characters, and nothing else about it is known.
 */
export type Shortcut = (body: unknown, request: HttpRequest) => string | null;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Required: the server does not start with a route that does not say who may call it. */
    access?: Access;
    /** `false`: never limited (webhooks, which are signed); a policy of its own; else the limit for anyone, of which server keys are free. */
    rateLimit?: false | RateLimitPolicy;
    /** Where thousands a second are normal: requests are counted, but logged only when they fail on our side. */
    quiet?: boolean;
    /** Tried first, for calls without credentials; see `Shortcut`. */
    shortcut?: Shortcut;
    /** Where a body is an array whose items are judged one by one; see `FaultyItem`. */
    itemByItem?: boolean;
    /** `false` where an Idempotency-Key makes no sense because a repetition changes nothing. */
    idempotency?: false;
    /** How old an answer may be where Redis is there to keep it. Only where it is the same for everybody who may ask. */
    keptSeconds?: number;
    /** Replaces the policy that allows a page nothing. */
    contentSecurityPolicy?: string;
  }
  interface FastifyRequest {
    principal: Principal;
    /** On a public route that was sent a token which names nobody: why. For handlers to which it matters who asks. */
    identityError: LatchkeyError | null;
    idempotencyClaim: IdempotencyClaim | null;
    /** The body's bytes, where an Idempotency-Key needs them compared. */
    bodyBytes: Buffer | null;
    /** By the process's clock, on quiet POST routes only. */
    startedAt: number;
    /** Runs a write: one transaction, on behalf of whoever called. */
    write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
    /**
     * For routes that check a license key: throws `rate_limited` when this address, or anyone with keys that begin like this one, failed
     * too often lately. Only failures count (`countFailure`), and not against callers who hold the key, where the route can tell.
     */
    assertKeyChecksAllowed(key: string, holdsIt?: () => boolean): void;
    countFailure(key: string): void;
  }
}
