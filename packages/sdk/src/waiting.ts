/** Timers that do not keep a program alive, and how long to wait before another attempt. */

/** How attempts are spaced: the bound doubles with each, and the wait is a random part of it, so that many clients spread out. */
export interface Backoff {
  firstMs: number;
  longestMs: number;
}

/** The wait before the attempt after `failures` failed ones, 1 or more. `random` is 0 up to 1. */
export function backoffMs({ firstMs, longestMs }: Backoff, failures: number, random: number = Math.random()): number {
  const bound = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 30));
  // At least half of the bound: a wait of nothing at all would be no wait.
  return Math.round(bound / 2 + (bound / 2) * random);
}

/** A timer that lets the program end while it runs, where the platform knows such. */
export function startTimer(work: () => void, delayMs: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(work, delayMs);
  letEnd(timer);
  return timer;
}

function letEnd(timer: unknown): void {
  const { unref } = timer as { unref?: () => unknown };
  if (typeof unref === 'function') unref.call(timer);
}

/** Resolves after a time, or at once when the signal says so. */
export function wait(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal?.addEventListener('abort', end, { once: true });
  });
}
