/** Fields that several calls about payments take. */

import { z } from 'zod';

/** A page to lead a customer to: of the web, and never a script. */
export const webAddress = z.url({ protocol: /^https?$/ }).max(2_000);

export const stripeId = z.string().regex(/^\w{1,255}$/, 'An id has letters, digits and underscores.');

export const customerId = stripeId
  .optional()
  .describe('Our id, or Stripe’s. Left out with a customer’s own token: they themself.');
