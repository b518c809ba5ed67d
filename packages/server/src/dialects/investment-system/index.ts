/** How the clients of an API by subscription speak: `/billing/…`, `/pricing`, and the webhook that they share with another. */

import type { Http } from '../../http/index.ts';
import type { Context } from './context.ts';
import { errors } from './errors.ts';
import { readingRoutes } from './reading-routes.ts';
import { changingRoutes } from './routes.ts';

export const investmentSystem = {
  name: 'investment-system',
  errors,
  routes(http: Http, context: Context): void {
    readingRoutes(http, context);
    changingRoutes(http, context);
    context.webhook({
      path: '/webhooks/stripe',
      answers: {
        contentType: 'application/json; charset=utf-8',
        stored: '{"received":true}',
        invalidSignature: '{"error":"Invalid signature"}',
        invalidPayload: '{"error":"Invalid payload"}',
      },
      summary: 'Stripe delivers events here',
    });
  },
};
