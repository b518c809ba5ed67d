import { isIPv6 } from 'node:net';
import { LatchkeyError } from '@latchkey/core';
import type { FastifyReply } from 'fastify';
import type { SharedCounts, SharedWindow } from '../redis/shared-counts.ts';

/** So many calls in so long, for each caller. */
export interface RateLimitPolicy {
  name: string;
  limit: number;
  windowSeconds: number;
}

export interface RateLimitState {
  remaining: number;
  resetSeconds: number;
}

/** Counts calls by caller in fixed windows: in this process, and with shared counts in those beside it as well, a moment later. */
export interface RateLimiter {
  readonly policy: RateLimitPolicy;
  /** What is left, without counting. */
  peek(caller: string): RateLimitState;
  /** Counts one call. `remaining` is -1 when it was one too many. */
  count(caller: string): RateLimitState;
}

/** Callers remembered by one limiter; beyond it the one that came first is forgotten, which bounds memory under an attack. */
const mostCallers = 50_000;

export function createRateLimiter(
  policy: RateLimitPolicy,
  wallMs: () => number,
  shared: SharedCounts | null = null,
): RateLimiter {
  const windows = new Map<string, SharedWindow>();
  const windowMs = policy.windowSeconds * 1_000;
  // Processes that share a window have to agree on it, so there it is the clock's and not the caller's.
  const endOf = (now: number): number => (shared === null ? now : now - (now % windowMs)) + windowMs;
  const find = (caller: string, now: number): SharedWindow | undefined => {
    const window = windows.get(caller);
    return window !== undefined && window.endsAt > now ? window : undefined;
  };
  const state = (window: SharedWindow | undefined, now: number): RateLimitState => ({
    remaining: Math.max(policy.limit - (window === undefined ? 0 : window.count + window.others), -1),
    resetSeconds: Math.ceil(((window?.endsAt ?? now + windowMs) - now) / 1_000),
  });
  const untouched: RateLimitState = { remaining: policy.limit, resetSeconds: policy.windowSeconds };
  return {
    policy,
    peek(caller) {
      // Nearly always, and thousands of times a second.
      if (windows.size === 0) return untouched;
      const now = wallMs();
      return state(find(caller, now), now);
    },
    count(caller) {
      const now = wallMs();
      let window = find(caller, now);
      if (window === undefined) {
        window = { name: policy.name, caller, endsAt: endOf(now), count: 0, others: 0 };
        windows.delete(caller);
        windows.set(caller, window);
        if (windows.size > mostCallers) {
          for (const first of windows.keys()) {
            windows.delete(first);
            break;
          }
        }
      }
      window.count += 1;
      shared?.note(window);
      return state(window, now);
    },
  };
}

/** Tells the caller where it stands, in the fields of draft-ietf-httpapi-ratelimit-headers. */
export function setRateLimitHeaders(
  reply: FastifyReply,
  { name, limit, windowSeconds }: RateLimitPolicy,
  state: RateLimitState,
): void {
  reply.header('ratelimit-policy', `"${name}";q=${limit};w=${windowSeconds}`);
  reply.header('ratelimit', `"${name}";r=${Math.max(state.remaining, 0)};t=${state.resetSeconds}`);
}

export function rateLimitExceeded({ resetSeconds }: RateLimitState): LatchkeyError {
  const retryAfterSeconds = Math.max(1, resetSeconds);
  return new LatchkeyError('rate_limited', `Try again in ${retryAfterSeconds} s.`, { retryAfterSeconds });
}

/** Failed checks of keys and tokens, which is what guessing looks like. */
export interface FailureLimits {
  /** Throws `rate_limited` once too many failed, unless the caller turns out to hold the key: `holdsIt` is asked only then. */
  assertAllowed(address: string, key?: string, holdsIt?: () => boolean): void;
  count(address: string, key?: string): void;
}

// Far above what a fleet of misconfigured machines behind one address makes, far below what guessing needs.
const failuresByAddress: RateLimitPolicy = { name: 'failures', limit: 600, windowSeconds: 60 };
const failuresByPrefix: RateLimitPolicy = { name: 'key-failures', limit: 300, windowSeconds: 60 };

export function createFailureLimits(wallMs: () => number, shared: SharedCounts | null = null): FailureLimits {
  const byAddress = createRateLimiter(failuresByAddress, wallMs, shared);
  const byPrefix = createRateLimiter(failuresByPrefix, wallMs, shared);
  let quietFrom = 0;
  return {
    assertAllowed(address, key, holdsIt = () => false) {
      // Thousands of times a second, and most of the time nobody has failed lately.
      if (quietFrom === 0) return;
      if (wallMs() >= quietFrom) {
        quietFrom = 0;
        return;
      }
      const atAddress = byAddress.peek(callerOf(address));
      const withPrefix = key === undefined ? null : byPrefix.peek(keyPrefix(key));
      const exceeded = [atAddress, withPrefix].find((state) => state !== null && state.remaining <= 0);
      if (exceeded != null && !holdsIt()) throw rateLimitExceeded(exceeded);
    },
    count(address, key) {
      quietFrom = wallMs() + 1_000 * Math.max(failuresByAddress.windowSeconds, failuresByPrefix.windowSeconds);
      byAddress.count(callerOf(address));
      if (key !== undefined) byPrefix.count(keyPrefix(key));
    },
  };
}

const longestPrefix = 48;
/** Read of a text that is presented as a key. Whoever writes more than this before it gets to the point is counted with their like. */
const longestLook = 256;

/**
 * The part of a key by which guesses from many addresses are counted together: the first half of its letters and digits, at most 48. It
 * reaches beyond what the keys of a product, a plan or a day have in common, so that whoever guesses gets in nobody's way but theirs
 * whose key they know half of. However it is spaced, grouped or written, a key has one: where one letter is read for another, so here.
 */
export function keyPrefix(key: string): string {
  const characters = key.slice(0, longestLook).replace(/[^0-9A-Za-z]+/g, '');
  const prefix = characters.slice(0, Math.min(Math.ceil(characters.length / 2), longestPrefix));
  return prefix.toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1');
}

/** The caller behind an address: with IPv6 one customer commonly has a whole /64. */
export function callerOf(address: string): string {
  // The colon first: the full test takes a microsecond, and every request passes here.
  if (!address.includes(':') || !isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':');
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':');
    while (groups.length + rest.length < 8) groups.push('0');
    groups.push(...rest);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}
