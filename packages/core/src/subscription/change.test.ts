import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LICENSE_POLICY } from '../catalog/defaults.ts';
import type { Interval, Plan, Product } from '../catalog/types.ts';
import { dayMs, minuteMs } from '../time.ts';
import { type ChangeableSubscription, type ChangeWish, PREVIEW_LIFE_MS, planSubscriptionChange } from './change.ts';

const NOW = Date.parse('2026-03-11T12:00:00.500Z');
const START = Date.parse('2026-03-01T00:00:00Z');
const END = Date.parse('2026-04-01T00:00:00Z');

function planOf(id: string, amountCents: number | null, interval: Interval | null = 'month', currency = 'usd'): Plan {
  return {
    id,
    name: id,
    description: null,
    price:
      amountCents === null
        ? null
        : { amountCents, currency, interval, intervalCount: 1, trialDays: 0, stripePriceId: null },
    license: DEFAULT_LICENSE_POLICY,
    inherits: null,
    features: [],
    entitlements: [],
    highlights: [],
    limits: {},
    allowances: [],
    checkout: { promotionCodes: false, automaticTax: false },
    quantity: null,
  };
}

const PLANS = [
  planOf('inhouse', null),
  planOf('free', 0),
  planOf('basic', 1_000),
  planOf('pro', 3_000),
  planOf('twin', 3_000),
  planOf('pro-yearly', 30_000, 'year'),
  planOf('euro', 9_000, 'month', 'eur'),
  planOf('forever', 99_000, null),
];

const PRODUCT: Product = {
  id: 'app',
  name: 'App',
  description: null,
  vendor: { name: 'App', supportEmail: null, url: null },
  keyScheme: { name: 'random', prefix: null, secret: null },
  plans: PLANS,
  meters: [],
  packs: [],
  creditRates: [],
  timedUse: null,
  dunning: { graceDays: 3, whenGraceEnds: 'suspend', failuresBeforeRevocation: 3 },
  cancellation: { effect: 'downgrade', downgradeTo: 'free' },
  planChange: { upgrade: 'now', downgrade: 'period_end', proration: 'always_invoice' },
  withdrawal: { onRefund: 'revoke', onDispute: 'suspend' },
  overage: 'meter_events',
  demo: null,
  dialect: null,
};

const PRO: ChangeableSubscription = {
  status: 'active',
  plan: 'pro',
  quantity: 2,
  amountCents: 6_000,
  currency: 'usd',
  interval: 'month',
  intervalCount: 1,
  currentPeriodStart: START,
  currentPeriodEnd: END,
  isEnding: false,
  pendingPlan: null,
  priceIsCurrent: true,
  isFree: false,
};

const decide = (wish: ChangeWish, over: Partial<ChangeableSubscription> = {}, product: Product = PRODUCT) =>
  planSubscriptionChange(product, { ...PRO, ...over }, wish, NOW);

function plan(wish: ChangeWish, over: Partial<ChangeableSubscription> = {}, product?: Product) {
  const decision = decide(wish, over, product);
  if (!decision.possible) throw new Error(`${decision.code}: ${decision.detail}`);
  return decision.plan;
}

describe('a change of plan', () => {
  it.each([
    ['pro-yearly', undefined, 'upgrade', 'now', 'change'],
    ['basic', undefined, 'downgrade', 'period_end', 'schedule'],
    ['twin', undefined, 'upgrade', 'now', 'change'],
    ['free', undefined, 'downgrade', 'period_end', 'end'],
    ['pro', 3, 'upgrade', 'now', 'change'],
    ['pro', 1, 'downgrade', 'period_end', 'schedule'],
  ] as const)('to %s (quantity %s) is an %s, %s', (to, quantity, kind, when, way) => {
    expect(plan({ plan: to, quantity })).toMatchObject({ kind, when, way });
  });

  it('charges at once only what takes effect at once', () => {
    expect(plan({ plan: 'twin' })).toMatchObject({
      proration: 'always_invoice',
      invoicesNow: true,
      beginsPeriod: false,
    });
    expect(plan({ plan: 'basic' })).toMatchObject({ proration: 'none', invoicesNow: false, effectiveAt: END });
  });

  it('begins a period where the interval is another, and invoices it whatever the catalog says of the rest', () => {
    const product = { ...PRODUCT, planChange: { ...PRODUCT.planChange, proration: 'none' as const } };
    expect(plan({ plan: 'pro-yearly' }, {}, product)).toMatchObject({ beginsPeriod: true, invoicesNow: true });
    expect(plan({ plan: 'twin' }, {}, product)).toMatchObject({ beginsPeriod: false, invoicesNow: false });
  });

  describe('of plans that are billed by use alone', () => {
    const byUse = (id: string, per: number): Plan => ({
      ...planOf(id, 0),
      allowances: [
        {
          ...{ meter: 'calls', included: 0, limit: 'overage', ceiling: null, notifyAt: [] },
          overage: { amountCents: 1, perUnits: per, currency: 'usd' },
        },
      ],
    });
    const calls = { id: 'calls', name: 'Calls', unit: 'call', scale: 0, endpointCosts: [] };
    const product: Product = {
      ...PRODUCT,
      plans: [byUse('payg', 2), byUse('thirds', 3), ...PLANS],
      meters: [{ ...calls, kind: 'quantity', aggregation: 'sum' }],
    };
    const onThirds = { plan: 'thirds', quantity: 1, amountCents: 0, isFree: true };

    it('is a change like any other, not the end of the subscription', () => {
      expect(plan({ plan: 'payg' }, {}, product)).toMatchObject({
        kind: 'downgrade',
        way: 'schedule',
        to: { amountCents: 0 },
      });
      expect(plan({ plan: 'payg', when: 'now' }, {}, product)).toMatchObject({ way: 'change', beginsPeriod: false });
      expect(plan({ plan: 'free', when: 'period_end' }, { plan: 'payg' }, product)).toMatchObject({ way: 'end' });
    });

    it('begins a period where nothing had a price at Stripe before and something has now', () => {
      const later = { ...product, planChange: { ...PRODUCT.planChange, proration: 'none' as const } };
      for (const to of ['pro', 'payg']) {
        const change = plan({ plan: to, when: 'now' }, onThirds, later);
        expect(change).toMatchObject({ way: 'change', beginsPeriod: true, invoicesNow: true });
      }
      expect(plan({ plan: 'pro' }, { ...onThirds, plan: 'payg', isFree: false }, later).beginsPeriod).toBe(false);
      const amounts = { ...later, overage: 'invoice_items' as const };
      expect(plan({ plan: 'payg', when: 'now' }, onThirds, amounts).beginsPeriod).toBe(false);
    });
  });

  it('goes by the catalog unless it is asked for otherwise', () => {
    const product = { ...PRODUCT, planChange: { ...PRODUCT.planChange, upgrade: 'period_end' as const } };
    expect(plan({ plan: 'twin' }, {}, product)).toMatchObject({ when: 'period_end' });
    expect(plan({ plan: 'twin', when: 'now' }, {}, product)).toMatchObject({ when: 'now', way: 'change' });
    expect(plan({ plan: 'basic', when: 'now' })).toMatchObject({ when: 'now', proration: 'always_invoice' });
  });

  it('takes effect at once and costs nothing during a trial', () => {
    const trial = { status: 'trialing' };
    expect(plan({ plan: 'basic' }, trial)).toMatchObject({ when: 'now', proration: 'none', invoicesNow: false });
    expect(plan({ plan: 'pro-yearly' }, trial)).toMatchObject({ when: 'now', beginsPeriod: false, invoicesNow: false });
    expect(decide({ plan: 'basic', when: 'period_end' }, trial)).toMatchObject({ path: 'when' });
  });

  it('back to the plan it is on takes back what was asked for later', () => {
    expect(plan({ plan: 'pro' }, { pendingPlan: 'basic' })).toMatchObject({ way: 'stay', invoicesNow: false });
    const old = { pendingPlan: 'basic', priceIsCurrent: false, amountCents: 4_000 };
    expect(plan({ plan: 'pro' }, old)).toMatchObject({ way: 'stay', invoicesNow: false });
  });

  it('moves whoever is on an old price to the one of today', () => {
    const old = { amountCents: 4_000, priceIsCurrent: false };
    expect(plan({ plan: 'pro' }, old)).toMatchObject({ kind: 'upgrade', to: { amountCents: 6_000 } });
    expect(plan({ plan: 'pro' }, { priceIsCurrent: false })).toMatchObject({ kind: 'sidegrade', when: 'now' });
  });

  it.each<[string, ChangeWish, Partial<ChangeableSubscription>, object]>([
    ['an unknown plan', { plan: 'none' }, {}, { code: 'plan_unknown', path: 'plan' }],
    ['the same plan', { plan: 'pro' }, {}, { code: 'invalid_request', path: 'plan' }],
    ['another currency', { plan: 'euro' }, {}, { code: 'plan_change_not_possible', reason: 'currency' }],
    ['what is paid for once', { plan: 'forever' }, {}, { code: 'plan_change_not_possible', reason: 'one_time' }],
    ['what is not for sale', { plan: 'inhouse' }, {}, { code: 'plan_change_not_possible', reason: 'not_for_sale' }],
    ['from what was paid once', { plan: 'basic' }, { interval: null }, { reason: 'one_time' }],
    ['free at once', { plan: 'free', when: 'now' }, {}, { reason: 'free_plan', path: 'when' }],
    ['a quantity of none', { plan: 'basic', quantity: 0 }, {}, { code: 'invalid_request', path: 'quantity' }],
    ['half of one', { plan: 'basic', quantity: 1.5 }, {}, { code: 'invalid_request', path: 'quantity' }],
    ['one that ended', { plan: 'basic' }, { status: 'canceled' }, { code: 'subscription_state_conflict' }],
    ['one that owes', { plan: 'basic' }, { status: 'past_due' }, { code: 'subscription_state_conflict' }],
    ['one not yet paid', { plan: 'basic' }, { status: 'incomplete' }, { code: 'subscription_state_conflict' }],
    ['later, of one that ends', { plan: 'basic' }, { isEnding: true }, { code: 'subscription_state_conflict' }],
    ['free, of one that ends', { plan: 'free' }, { isEnding: true }, { code: 'subscription_state_conflict' }],
  ])('is refused for %s', (_name, wish, over, refusal) => {
    expect(decide(wish, over)).toMatchObject({ possible: false, ...refusal });
  });

  it('to a free plan is refused where nobody falls back to it', () => {
    const product = { ...PRODUCT, cancellation: { effect: 'revoke' as const, downgradeTo: null } };
    expect(decide({ plan: 'free' }, {}, product)).toMatchObject({ reason: 'free_plan', path: 'plan' });
  });

  it.each([
    ['just made', 0, true],
    ['five minutes old', -PREVIEW_LIFE_MS, true],
    ['a second older', -PREVIEW_LIFE_MS - 1_000, false],
    ['of the future', 2 * minuteMs, false],
  ])('takes a preview that is %s: %s ms', (_name, age, possible) => {
    expect(decide({ plan: 'twin', asOf: NOW + age }).possible).toBe(possible);
  });

  it('does not carry a preview over into the next period', () => {
    const currentPeriodStart = NOW - minuteMs;
    expect(decide({ plan: 'twin', asOf: NOW - 2 * minuteMs }, { currentPeriodStart })).toMatchObject({
      code: 'subscription_change_outdated',
    });
  });
});

const subscription = fc.record({
  status: fc.constantFrom('active', 'trialing', 'past_due', 'canceled', 'incomplete', 'unheard_of'),
  plan: fc.constantFrom(...PLANS.map(({ id }) => id), 'retired'),
  quantity: fc.integer({ min: 1, max: 500 }),
  amountCents: fc.integer({ min: 0, max: 1_000_000 }),
  currency: fc.constantFrom('usd', 'eur'),
  interval: fc.constantFrom<Interval | null>('month', 'year', null),
  intervalCount: fc.integer({ min: 1, max: 3 }),
  currentPeriodStart: fc.integer({ min: NOW - 31 * dayMs, max: NOW }),
  currentPeriodEnd: fc.integer({ min: NOW, max: NOW + 31 * dayMs }),
  isEnding: fc.boolean(),
  pendingPlan: fc.constantFrom(null, 'basic'),
  priceIsCurrent: fc.boolean(),
  isFree: fc.boolean(),
});

const wishes = fc.record(
  {
    plan: fc.constantFrom(...PLANS.map(({ id }) => id), 'none'),
    quantity: fc.integer({ min: -1, max: 200_000 }),
    when: fc.constantFrom<'now' | 'period_end'>('now', 'period_end'),
    asOf: fc.integer({ min: NOW - 10 * minuteMs, max: NOW + 2 * minuteMs }),
  },
  { requiredKeys: ['plan'] },
);

describe('whatever is asked', () => {
  it('a plan charges only now, never before the period or the preview, and never in another currency', () => {
    fc.assert(
      fc.property(subscription, wishes, (from, wish) => {
        const decision = planSubscriptionChange(PRODUCT, from, wish, NOW);
        if (!decision.possible) return decision.detail.length > 0;
        const { plan: decided } = decision;
        expect(decided.to.currency).toBe(from.currency);
        expect(decided.asOf % 1_000).toBe(0);
        expect(NOW - decided.asOf).toBeLessThanOrEqual(PREVIEW_LIFE_MS + 1_000);
        if (decided.when === 'period_end') expect(decided).toMatchObject({ invoicesNow: false, proration: 'none' });
        if (from.status === 'trialing') expect(decided.invoicesNow).toBe(false);
        return true;
      }),
      { numRuns: 2_000 },
    );
  });

  it('the preview and the change that passes it back are the same plan', () => {
    fc.assert(
      fc.property(subscription, wishes, fc.integer({ min: 0, max: PREVIEW_LIFE_MS - 1_000 }), (from, wish, later) => {
        const { asOf: _none, ...first } = wish;
        const preview = planSubscriptionChange(PRODUCT, { ...from, currentPeriodStart: START }, first, NOW);
        if (!preview.possible) return;
        const second = { ...wish, asOf: preview.plan.asOf };
        const change = planSubscriptionChange(PRODUCT, { ...from, currentPeriodStart: START }, second, NOW + later);
        expect(change).toEqual(preview);
      }),
      { numRuns: 2_000 },
    );
  });
});
