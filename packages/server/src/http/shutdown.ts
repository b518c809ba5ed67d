import type { Http } from './types.ts';

const idleSweepMs = 25;

/**
 * Stops accepting, lets the requests in flight finish, and after `withinMs` ends those that still have not. Answers whether all of them
 * could finish.
 */
export async function closeHttp(http: Http, withinMs: number): Promise<boolean> {
  let isClean = true;
  // A connection that was busy a moment ago is kept open by its client and would hold us up until the time is over.
  const sweeper = setInterval(() => http.server.closeIdleConnections(), idleSweepMs);
  const timer = setTimeout(() => {
    isClean = false;
    http.server.closeAllConnections();
  }, withinMs);
  try {
    await http.close();
  } finally {
    clearTimeout(timer);
    clearInterval(sweeper);
  }
  return isClean;
}
