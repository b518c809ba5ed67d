/** What is told of use and licences: to those who use, and to the vendor. */

import type { Http } from '../../http/types.ts';
import { licenseAnalyticsRoute } from './routes/licenses.ts';
import { usageProofRoute } from './routes/proof.ts';
import { type SeriesRoutes, seriesRoute } from './routes/series.ts';
import { usageAnalyticsRoute } from './routes/usage.ts';

export function analyticsRoutes(http: Http, options: SeriesRoutes): void {
  seriesRoute(http, options);
  usageAnalyticsRoute(http, options);
  usageProofRoute(http, options);
  licenseAnalyticsRoute(http, options);
}
