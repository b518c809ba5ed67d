const SECOND = 1000;
const HOUR = 3600 * SECOND;

const FIRST_DELAYS_MS = [10 * SECOND, 60 * SECOND, 600 * SECOND];
const GIVE_UP_AFTER_MS = 72 * HOUR;

/**
 * When a failed delivery is tried again: 10 s, 1 min, 10 min, then every hour, all on the sandbox clock, for three days
 * after the event. Null: given up.
 */
export function nextAttemptMs(attempts: number, nowMs: number, createdMs: number): number | null {
  const next = nowMs + (FIRST_DELAYS_MS[attempts - 1] ?? HOUR);
  return next - createdMs > GIVE_UP_AFTER_MS ? null : next;
}
