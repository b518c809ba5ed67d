/**
 * Durations, counted in fixed buckets: sixteen for each doubling, and one for each millisecond below 32. Histograms of any spans of time
 * are added up bucket by bucket and say what one over all of it would have said, which percentiles themselves cannot.
 */

/** Buckets by their number, each with how many durations fell into it. Those of none are left out. */
export type DurationHistogram = Readonly<Record<string, number>>;

/** How many buckets a doubling of the duration has, as a power of two. */
const BITS = 4;
const PER_DOUBLING = 2 ** BITS;

/** Longer ones count as this long: almost 25 days. */
export const LONGEST_DURATION_MS = 2 ** 31 - 1;

/** No percentile is further than this share of itself from the exact one. */
export const PERCENTILE_ERROR = 1 / (2 * PER_DOUBLING);

/** The bucket of a duration, which is rounded to whole milliseconds first. */
export function durationBucket(durationMs: number): number {
  const value = Math.min(Math.max(Math.round(durationMs), 0), LONGEST_DURATION_MS);
  const shift = Math.max(0, 31 - Math.clz32(value) - BITS);
  return shift * PER_DOUBLING + (value >> shift);
}

/** The shortest and the longest duration of a bucket, in milliseconds. */
export function bucketBounds(bucket: number): { from: number; to: number } {
  const shift = Math.max(0, Math.floor(bucket / PER_DOUBLING) - 1);
  const from = (bucket - shift * PER_DOUBLING) * 2 ** shift;
  return { from, to: from + 2 ** shift - 1 };
}

/** The histogram of some durations. */
export function durationHistogram(durationsMs: readonly number[]): DurationHistogram {
  const counts: Record<string, number> = {};
  for (const duration of durationsMs) {
    const bucket = durationBucket(duration);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return counts;
}

/** Several histograms as one. */
export function addHistograms(histograms: readonly DurationHistogram[]): DurationHistogram {
  const sum: Record<string, number> = {};
  for (const histogram of histograms) {
    for (const [bucket, count] of Object.entries(histogram)) sum[bucket] = (sum[bucket] ?? 0) + count;
  }
  return sum;
}

/** How many durations a histogram counts. */
export function durationCount(histogram: DurationHistogram): number {
  return Object.values(histogram).reduce((sum, count) => sum + count, 0);
}

/**
 * The duration that so many percent of all do not exceed, by nearest rank, in milliseconds: the middle of the bucket it is in, and so
 * at most `PERCENTILE_ERROR` of the exact one away from it. Null where nothing was counted.
 */
export function percentile(histogram: DurationHistogram, percent: number): number | null {
  const total = durationCount(histogram);
  if (total === 0) return null;
  const rank = Math.max(1, Math.ceil((percent * total) / 100));
  let seen = 0;
  for (const [bucket, count] of Object.entries(histogram).toSorted(([a], [b]) => Number(a) - Number(b))) {
    seen += count;
    if (seen < rank) continue;
    const { from, to } = bucketBounds(Number(bucket));
    return Math.floor((from + to) / 2);
  }
  return null;
}
