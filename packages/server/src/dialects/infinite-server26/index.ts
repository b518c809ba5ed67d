/**
 * The one call of the server licence's document is the house's own webhook path, `POST /webhook/stripe`; everything else it shows is the
 * library's classes. So this dialect adds how the path answers what the document leaves open.
 */

import { errors } from './errors.ts';

export const infiniteServer26 = {
  name: 'infinite-server26',
  errors,
  routes(): void {},
};
