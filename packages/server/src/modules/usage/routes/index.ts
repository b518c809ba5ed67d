import type { Http } from '../../../http/types.ts';
import type { LicenseReader } from '../../licenses/index.ts';
import { checkRoutes } from './check.ts';
import { limitRoutes } from './limits.ts';
import type { UsageRoutes } from './owners.ts';
import { recordRoute } from './record.ts';

export interface UsageRoutesOptions extends Omit<UsageRoutes, 'licenseReader'> {
  licenseReader: Pick<LicenseReader, 'recall' | 'recallByKey' | 'list'>;
}

/** Use: recorded, asked for, held, corrected, and where it stands. */
export function usageRoutes(http: Http, { licenseReader, ...more }: UsageRoutesOptions): void {
  const { recall: find, recallByKey: findByKey, list } = licenseReader;
  const options: UsageRoutes = { ...more, licenseReader: { find, findByKey, list } };
  recordRoute(http, options);
  checkRoutes(http, options);
  limitRoutes(http, options);
}
