/** What the calls take and answer, in the words of this contract. Unknown fields of a request are ignored. */

import { z } from 'zod';

const tier = z.string().min(1).max(100).describe('`free`, `starter`, `pro` or `enterprise`.');
const instant = z.string().describe('ISO 8601, UTC.');
const dollars = z.number().describe('In the currency’s main unit, such as dollars.');
const cents = z.int();
const secret = z
  .string()
  .nullable()
  .describe('With which Stripe’s script in a page has the customer answer their bank.');

const action = {
  requires_action: z.boolean().describe('The customer’s bank asks for them, in a page of yours.'),
  client_secret: secret.optional(),
  publishable_key: z.string().nullable().optional(),
};

export const subscribeBody = z.object({
  tier,
  payment_method_id: z
    .string()
    .regex(/^\w{1,255}$/, 'An id has letters, digits and underscores.')
    .describe('A pm_… that Stripe’s script made in a page.'),
});

export const subscribeAnswer = z.object({
  subscription_id: z.string().describe('Stripe’s, sub_….'),
  tier: z.string(),
  status: z.string(),
  ...action,
});

export const upgradeBody = z.object({
  tier,
  preview: z.boolean().default(false).describe('Say what it would cost, and change nothing.'),
  when: z.enum(['now', 'period_end']).optional().describe('Left out: as the catalog says.'),
  as_of: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('The `as_of` of a preview: within 5 minutes of it the change costs exactly what was shown.'),
});

export const upgradeAnswer = z.object({
  tier: z.string().describe('What is changed to.'),
  current_tier: z.string().describe('What is in force at this moment.'),
  status: z.string(),
  preview: z.boolean(),
  effective_at: instant,
  proration: z.object({
    amount_due: cents.describe('What is charged now, in the smallest unit.'),
    total: cents.describe('Below zero: what is credited.'),
    currency: z.string(),
    lines: z.array(
      z.object({
        description: z.string().nullable(),
        amount: cents,
        discount: cents,
        period: z.object({ start: instant, end: instant }),
      }),
    ),
  }),
  as_of: instant,
  because: z.string(),
  ...action,
});

export const cancelBody = z.object({ at_period_end: z.boolean().default(true).describe('False: at once.') }).nullish();

export const cancelAnswer = z.object({
  tier: z.string(),
  status: z.string(),
  cancel_at: instant.nullable().describe('When it ends, or ended.'),
});

export const statusAnswer = z.object({
  has_subscription: z.boolean(),
  subscription_id: z.string().nullable(),
  tier: z.string(),
  status: z.string().describe('Stripe’s; `free` where nothing is subscribed to.'),
  usage: z.object({
    current: z.number(),
    included: z.number(),
    remaining: z.number(),
    usage_percentage: z.number(),
    overage: z.number().describe('Units beyond what is included.'),
    overage_cost: dollars,
    resets_at: instant.nullable(),
  }),
  expires_at: instant.nullable().describe('The end of the period; it renews then unless `cancel_at` is set.'),
  cancel_at: instant.nullable(),
});

export const paymentMethodsAnswer = z.object({
  payment_methods: z.array(
    z.object({
      id: z.string(),
      type: z.string(),
      brand: z.string().nullable(),
      last4: z.string().nullable(),
      exp_month: z.int().nullable(),
      exp_year: z.int().nullable(),
      is_default: z.boolean(),
    }),
  ),
});

export const portalAnswer = z.object({ url: z.string().describe('Good for minutes; whoever has it is the customer.') });

export const pricingAnswer = z.object({
  tiers: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      price: dollars,
      price_cents: cents,
      currency: z.string(),
      interval: z.string().nullable(),
      included_calls: z.number(),
      overage_price: dollars.nullable().describe('Of one call beyond; null where there is none beyond.'),
      features: z.array(z.string()),
    }),
  ),
});

const rate = z.number().nullable().describe('A month. Null where there was nobody to lose.');

export const statsAnswer = z.object({
  currency: z.string(),
  mrr: dollars,
  mrr_cents: cents,
  arr: dollars,
  arr_cents: cents,
  clv: dollars.nullable().describe('Null while nobody has left.'),
  clv_cents: cents.nullable(),
  churn_rate: rate,
  revenue_churn_rate: rate,
  overage_revenue: dollars.describe(
    'What final invoices of this month and the twelve before it charge beyond the tiers.',
  ),
  overage_revenue_cents: cents,
  overage_by_month: z.array(z.object({ month: z.string(), amount: dollars, amount_cents: cents })),
  active_subscriptions: z.int(),
  paying_customers: z.int(),
  by_tier: z.record(z.string(), z.object({ subscriptions: z.int(), mrr: dollars, mrr_cents: cents })),
});
