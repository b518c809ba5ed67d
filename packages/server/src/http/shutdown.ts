import type { Http } from './types.ts';

/**
 * Stops accepting, lets the requests in flight finish, and after `withinMs` ends those that still have not. Answers whether all of them
 * could finish.
 */
export async function closeHttp(http: Http, withinMs: number): Promise<boolean> {
  let isClean = true;
  const timer = setTimeout(() => {
    isClean = false;
    http.server.closeAllConnections();
  }, withinMs);
  try {
    await http.close();
  } finally {
    clearTimeout(timer);
  }
  return isClean;
}
