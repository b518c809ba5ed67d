/** What the house answers, in the words of this contract. Pure. */

import { formatAmount, money, type Plan, type Product, rateOf } from '@latchkey/core';
import type { z } from 'zod';
import type { RevenueFigures, Subscription } from '../../modules/subscriptions/index.ts';
import type { OverageMonth } from './context.ts';
import type {
  cancelAnswer,
  paymentMethodsAnswer,
  pricingAnswer,
  statsAnswer,
  statusAnswer,
  upgradeAnswer,
} from './schemas.ts';

/** The one meter that this contract knows. */
export const CALLS = 'calls';
/** Of whoever has no subscription. */
export const FREE = 'free';

/** As this contract writes instants: without fractions of a second. */
export function instantOf(at: Date | number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** An amount in dollars, or whatever the currency's main unit is. */
export function inMainUnit(amountCents: number, currency: string): number {
  return Number(formatAmount(money(amountCents, currency)));
}

export function pricingView({ plans }: Product): z.infer<typeof pricingAnswer> {
  return { tiers: plans.flatMap((plan) => (plan.price === null ? [] : [tierView(plan, plan.price)])) };
}

function tierView(
  { id, name, allowances, highlights }: Plan,
  { amountCents, currency, interval }: NonNullable<Plan['price']>,
): z.infer<typeof pricingAnswer>['tiers'][number] {
  const calls = allowances.find(({ meter }) => meter === CALLS);
  const overage = calls?.overage ?? null;
  return {
    id,
    name,
    price: inMainUnit(amountCents, currency),
    price_cents: amountCents,
    currency,
    interval,
    included_calls: calls?.included ?? 0,
    overage_price: overage === null ? null : inMainUnit(overage.amountCents, overage.currency) / overage.perUnits,
    features: [...highlights],
  };
}

/** On what somebody stands, and where their calls do. */
export interface CallsUsed {
  tier: string;
  used: number;
  included: number;
  overage: number;
  overageCents: number;
  currency: string;
  resetsAt: Date | null;
}

export function statusView(
  subscription: Pick<Subscription, 'reference' | 'status' | 'cancel_at' | 'current_period_end'> | null,
  usage: CallsUsed,
): z.infer<typeof statusAnswer> {
  const { cancel_at: cancelAt = null, current_period_end: periodEnd = null } = subscription ?? {};
  return {
    has_subscription: subscription !== null,
    subscription_id: subscription?.reference ?? null,
    tier: usage.tier,
    status: subscription?.status ?? FREE,
    usage: usageView(usage),
    expires_at: periodEnd === null ? null : instantOf(periodEnd),
    cancel_at: cancelAt === null ? null : instantOf(cancelAt),
  };
}

function usageView(usage: CallsUsed): z.infer<typeof statusAnswer>['usage'] {
  const { used, included, overage, overageCents, currency, resetsAt } = usage;
  return {
    current: used,
    included,
    remaining: included === -1 ? -1 : Math.max(0, included - used),
    usage_percentage: included > 0 ? Math.round((used / included) * 1_000) / 10 : 0,
    overage,
    overage_cost: inMainUnit(overageCents, currency),
    resets_at: resetsAt === null ? null : instantOf(resetsAt),
  };
}

/** A change of plan, previewed or made. */
export interface Changed {
  subscription: Pick<Subscription, 'plan' | 'status'>;
  plan: { to: { plan: string }; effectiveAt: number; asOf: number; because: string };
  invoice: {
    amountDueCents: number;
    totalCents: number;
    currency: string;
    lines: {
      description: string | null;
      amountCents: number;
      discountCents: number;
      periodStart: number;
      periodEnd: number;
    }[];
  };
  clientSecret: string | null;
}

export function upgradeView(
  { subscription, plan, invoice, clientSecret }: Changed,
  { preview, publishableKey }: { preview: boolean; publishableKey: string | null },
): z.infer<typeof upgradeAnswer> {
  return {
    tier: plan.to.plan,
    current_tier: subscription.plan,
    status: subscription.status,
    preview,
    effective_at: instantOf(plan.effectiveAt),
    proration: {
      amount_due: invoice.amountDueCents,
      total: invoice.totalCents,
      currency: invoice.currency,
      lines: invoice.lines.map(({ description, amountCents, discountCents, periodStart, periodEnd }) => ({
        description,
        amount: amountCents,
        discount: discountCents,
        period: { start: instantOf(periodStart), end: instantOf(periodEnd) },
      })),
    },
    as_of: new Date(plan.asOf).toISOString(),
    because: plan.because,
    ...actionView(clientSecret, publishableKey),
  };
}

/** What a page needs where the customer's bank asks for them. */
export function actionView(clientSecret: string | null, publishableKey: string | null) {
  if (clientSecret === null) return { requires_action: false };
  return { requires_action: true, client_secret: clientSecret, publishable_key: publishableKey };
}

export function cancelView({ plan, status, cancel_at, ended_at }: Subscription): z.infer<typeof cancelAnswer> {
  const endsAt = ended_at ?? cancel_at;
  return { tier: plan, status, cancel_at: endsAt === null ? null : instantOf(endsAt) };
}

/** A way to pay, as far as it is shown. */
export interface ShownPaymentMethod {
  id: string;
  type: string;
  card: { brand: string; last4: string; expMonth: number; expYear: number } | null;
  isDefault: boolean;
}

export function paymentMethodsView(methods: readonly ShownPaymentMethod[]): z.infer<typeof paymentMethodsAnswer> {
  return {
    payment_methods: methods.map(({ id, type, card, isDefault }) => ({
      id,
      type,
      brand: card?.brand ?? null,
      last4: card?.last4 ?? null,
      exp_month: card?.expMonth ?? null,
      exp_year: card?.expYear ?? null,
      is_default: isDefault,
    })),
  };
}

/** The figures in the currency that the product is sold in first. */
export function statsView(
  { plans }: Product,
  { currencies, plans: byPlan }: Pick<RevenueFigures, 'currencies' | 'plans'>,
  { activeSubscriptions, overage }: { activeSubscriptions: number; overage: readonly OverageMonth[] },
): z.infer<typeof statsAnswer> {
  const currency = plans.find(({ price }) => price !== null)?.price?.currency ?? 'usd';
  const figures = currencies.find((one) => one.currency === currency);
  const mrrCents = figures?.mrrCents ?? 0;
  const arrCents = figures?.arrCents ?? 0;
  const clvCents = figures?.lifetimeValueCents ?? null;
  const beyond = overage.filter((one) => one.currency === currency);
  const overageCents = beyond.reduce((sum, { cents }) => sum + cents, 0);
  const tiers = plans.map(({ id }) => {
    const brings = byPlan.find((one) => one.plan === id && one.currency === currency);
    const cents = brings?.mrrCents ?? 0;
    return [
      id,
      { subscriptions: brings?.subscriptions ?? 0, mrr: inMainUnit(cents, currency), mrr_cents: cents },
    ] as const;
  });
  return {
    currency,
    mrr: inMainUnit(mrrCents, currency),
    mrr_cents: mrrCents,
    arr: inMainUnit(arrCents, currency),
    arr_cents: arrCents,
    clv: clvCents === null ? null : inMainUnit(clvCents, currency),
    clv_cents: clvCents,
    churn_rate: figures === undefined ? null : rateOf(figures.customerChurn),
    revenue_churn_rate: figures === undefined ? null : rateOf(figures.revenueChurn),
    overage_revenue: inMainUnit(overageCents, currency),
    overage_revenue_cents: overageCents,
    overage_by_month: beyond.map(({ month, cents }) => ({
      month,
      amount: inMainUnit(cents, currency),
      amount_cents: cents,
    })),
    active_subscriptions: activeSubscriptions,
    paying_customers: figures?.payingCustomers ?? 0,
    by_tier: Object.fromEntries(tiers),
  };
}
