/** What is used by the clock and bought in advance, wired. */

import type { Product } from '@latchkey/core';
import {
  type CreditPurchases,
  type CreditSales,
  createCreditPurchases,
  createCreditSales,
} from './modules/payments/index.ts';
import { createSessionUse } from './modules/usage/index.ts';
import { createUsageSessions, type UsageSessions } from './modules/usage-sessions/index.ts';
import type { Projector } from './stripe/project.ts';

export interface PrepaidDesk {
  usageSessions: UsageSessions;
  credits: CreditSales & CreditPurchases;
}

type Wired = 'askStripe' | 'canDeliver';

export type PrepaidDeskOptions = Omit<Parameters<typeof createUsageSessions>[0], 'use'> &
  Omit<Parameters<typeof createCreditSales>[0] & Parameters<typeof createCreditPurchases>[0], Wired> & {
    keys: { makes(product: Product): boolean };
    projector(): Pick<Projector, 'fetchAndProject'>;
  };

export function createPrepaidDesk(options: PrepaidDeskOptions): PrepaidDesk {
  const { keys, projector } = options;
  return {
    usageSessions: createUsageSessions({ ...options, use: createSessionUse(options) }),
    credits: {
      ...createCreditSales({ ...options, canDeliver: (product) => keys.makes(product) }),
      ...createCreditPurchases({
        ...options,
        askStripe: async (sessionId) => void (await projector().fetchAndProject('checkout_session', sessionId)),
      }),
    },
  };
}
