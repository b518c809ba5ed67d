/** Hours on a licence: made, bought and used at the paths that a desktop program and its web page know. */

import type { Http } from '../../http/index.ts';
import { redline2Errors } from './errors.ts';
import { licenseRoutes } from './license-routes.ts';
import { pageRoutes } from './page-routes.ts';
import { balanceRoutes, buyingRoutes } from './payment-routes.ts';
import type { SellingHouse } from './purchases.ts';

/** A path at which Stripe may deliver, and what it answers there. */
interface StripeDeliveries {
  path: string;
  answers: { contentType: string; stored: string; invalidSignature: string; invalidPayload: string };
  summary: string;
}

export const redline2 = {
  name: 'redline2',
  errors: redline2Errors,
  routes(http: Http, house: SellingHouse & { webhook(route: StripeDeliveries): void }): void {
    licenseRoutes(http, house);
    balanceRoutes(http, house);
    buyingRoutes(http, house);
    pageRoutes(http, house);
    house.webhook({
      path: '/payments/webhook',
      answers: {
        contentType: 'application/json; charset=utf-8',
        stored: JSON.stringify({ received: true }),
        invalidSignature: JSON.stringify({ error: 'Invalid signature' }),
        invalidPayload: JSON.stringify({ error: 'Invalid payload' }),
      },
      summary: 'Stripe delivers events here',
    });
  },
};
