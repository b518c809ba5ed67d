/** What an answer says about the limit it counts against. */

/** Where somebody stands with a meter. Null where there is no limit, or it is not known. */
export interface UsageStanding {
  limit: number | null;
  remaining: number | null;
  /** Milliseconds since the epoch. */
  resetsAt: number | null;
}

/**
 * `X-Usage-Limit`, `X-Usage-Used` and `X-Usage-Remaining`, and the same as RateLimit-Policy and RateLimit (sections 3 and 4 of
 * draft-ietf-httpapi-ratelimit-headers-10), whose quota is counted in the meter's units. Nothing where there is no limit.
 */
export function usageHeaders(
  { limit, remaining, resetsAt }: UsageStanding,
  { meter, now }: { meter: string; now: number },
): Record<string, string> {
  if (remaining === null) return {};
  const left = Math.max(0, remaining);
  // The draft's figures are whole numbers that are not negative; rounding down promises nothing that is not there.
  const name = `"${meter.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '_')}"`;
  const wait = resetsAt === null ? '' : `;t=${secondsUntil(resetsAt, now)}`;
  const headers = { 'x-usage-remaining': plain(left), ratelimit: `${name};r=${Math.floor(left)}${wait}` };
  // What was bought beforehand has no limit that comes back, and none to say.
  if (limit === null || limit === 0) return headers;
  return {
    'x-usage-limit': plain(limit),
    'x-usage-used': plain(Math.max(0, limit - left)),
    ...headers,
    'ratelimit-policy': `${name};q=${Math.floor(limit)}`,
  };
}

/** Whole seconds until a moment, rounded up and never negative. */
export function secondsUntil(at: number, now: number): number {
  return Math.max(0, Math.ceil((at - now) / 1_000));
}

/** Without an exponent, and without the noise of binary fractions. */
function plain(value: number): string {
  return value.toFixed(6).replace(/\.?0+$/, '');
}
