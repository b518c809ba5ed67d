/** The calls of the trading software's document: customers and subscriptions, licences bound to a machine, demo mode. */

import type { Http } from '../../http/index.ts';
import { errors } from './errors.ts';
import type { House } from './house.ts';
import { licensingRoutes } from './licensing.ts';
import { paymentRoutes } from './payments.ts';

export const cryptoOrchestrator = {
  name: 'crypto-orchestrator',
  errors,
  routes(http: Http, house: House): void {
    paymentRoutes(http, house);
    licensingRoutes(http, house);
    house.webhook({
      path: '/api/payments/webhook',
      signatureHeaders: ['stripe-signature', 'x-stripe-signature'],
      answers: {
        contentType: 'application/json; charset=utf-8',
        stored: '{"received":true}',
        invalidSignature: '{"error":"Invalid signature","code":"invalid_signature"}',
        invalidPayload: '{"error":"Invalid payload","code":"invalid_request"}',
      },
      summary: 'Stripe delivers events here',
    });
  },
};
