/** Seconds to wait after the first, second, … failed attempt; after the last of them an attempt is given up. */
const waitsSeconds = [1, 5, 15, 60, 300, 900, 1_800, 3_600, 10_800, 21_600];

/**
 * When to try again after `attempts` failed attempts, or null when enough were made: eleven over about twelve hours, long enough for an
 * outage over night. No jitter, since rows are claimed one by one and never all together.
 */
export function nextAttempt(attempts: number, wall: Date): Date | null {
  const seconds = waitsSeconds[Math.max(attempts, 1) - 1];
  return seconds === undefined ? null : new Date(wall.getTime() + seconds * 1_000);
}
