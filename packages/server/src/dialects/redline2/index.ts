/** Hours on a licence: made, bought and used at the paths that a desktop program and its web page know. */

import type { Http } from '../../http/index.ts';
import { redline2Errors } from './errors.ts';
import type { HoursHouse } from './house.ts';
import { licenseRoutes } from './license-routes.ts';
import { balanceRoutes } from './payment-routes.ts';

export const redline2 = {
  name: 'redline2',
  errors: redline2Errors,
  routes(http: Http, house: HoursHouse): void {
    licenseRoutes(http, house);
    balanceRoutes(http, house);
  },
};
