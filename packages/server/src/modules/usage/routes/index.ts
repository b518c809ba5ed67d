import type { Http } from '../../../http/types.ts';
import { checkRoutes } from './check.ts';
import { limitRoutes } from './limits.ts';
import { recordRoute, type UsageRoutes } from './record.ts';

/** Use: recorded, asked for, held, corrected, and where it stands. */
export function usageRoutes(http: Http, options: UsageRoutes): void {
  recordRoute(http, options);
  checkRoutes(http, options);
  limitRoutes(http, options);
}
