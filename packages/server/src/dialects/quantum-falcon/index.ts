/** A front end's view of licences: generate, verify, and Stripe's events. */

import type { Http } from '../../http/index.ts';
import { quantumFalconErrors } from './errors.ts';
import { saleOf } from './from-wire.ts';
import { generateRoute, type QuantumFalconHouse, verifyRoute } from './routes.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** A path at which Stripe may deliver, and what it answers there. */
interface StripeDeliveries {
  path: string;
  answers: { contentType: string; stored: string; invalidSignature: string; invalidPayload: string };
  summary: string;
}

export const quantumFalcon = {
  name: 'quantum-falcon',
  errors: quantumFalconErrors,
  sale: saleOf,
  routes(http: Http, house: QuantumFalconHouse & { webhook(route: StripeDeliveries): void }): void {
    generateRoute(http, house);
    verifyRoute(http, house);
    house.webhook({
      path: '/webhooks/stripe',
      answers: {
        contentType: JSON_TYPE,
        stored: JSON.stringify({ received: true }),
        invalidSignature: JSON.stringify({ error: 'Invalid signature' }),
        invalidPayload: JSON.stringify({ error: 'Invalid payload' }),
      },
      summary: 'Stripe delivers events here',
    });
  },
};
