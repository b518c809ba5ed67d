import { describe, expect, it } from 'vitest';
import { changeWish, subscribeInput } from './from-wire.ts';
import { type CallsUsed, inMainUnit, instantOf, statusView } from './to-wire.ts';

const calls = (over: Partial<CallsUsed> = {}): CallsUsed => ({
  tier: 'pro',
  used: 2_500,
  included: 10_000,
  overage: 0,
  overageCents: 0,
  currency: 'usd',
  resetsAt: null,
  ...over,
});
const subscription = {
  reference: 'sub_1',
  status: 'active',
  cancel_at: null,
  current_period_end: new Date('2024-09-15T00:00:00.000Z'),
};

describe('a status', () => {
  it('has the fields of the contract, and instants without fractions of a second [V1]', () => {
    expect(statusView(subscription, calls())).toEqual({
      has_subscription: true,
      subscription_id: 'sub_1',
      tier: 'pro',
      status: 'active',
      usage: {
        current: 2_500,
        included: 10_000,
        remaining: 7_500,
        usage_percentage: 25,
        overage: 0,
        overage_cost: 0,
        resets_at: null,
      },
      expires_at: '2024-09-15T00:00:00Z',
      cancel_at: null,
    });
  });

  it.each([
    [1, 3, 33.3],
    [2, 3, 66.7],
    [130, 100, 130],
    [0, 0, 0],
    [5, -1, 0],
  ])('says %s of %s as %s percent', (used, included, percentage) => {
    expect(statusView(null, calls({ used, included })).usage.usage_percentage).toBe(percentage);
  });

  it('has nothing remaining beyond what is included, and no end of it where it is without limit', () => {
    expect(statusView(null, calls({ used: 130, included: 100 })).usage.remaining).toBe(0);
    expect(statusView(null, calls({ used: 130, included: -1 })).usage.remaining).toBe(-1);
  });

  it('tells what is beyond in dollars, exactly', () => {
    const { usage } = statusView(subscription, calls({ overage: 29, overageCents: 58 }));
    expect(usage).toMatchObject({ overage: 29, overage_cost: 0.58 });
  });
});

describe('amounts and instants', () => {
  it.each([
    [9_900, 'usd', 99],
    [-6_777, 'usd', -67.77],
    [500, 'jpy', 500],
    [1_005, 'bhd', 1.005],
  ])('%s in the smallest unit of %s is %s', (amount, currency, main) => {
    expect(inMainUnit(amount, currency)).toBe(main);
  });

  it('an instant keeps its second', () => {
    expect(instantOf(Date.parse('2026-03-01T12:00:00.999Z'))).toBe('2026-03-01T12:00:00Z');
  });
});

describe('what is asked', () => {
  it('names a tier however it is written', () => {
    expect(subscribeInput({ tier: 'ENTERPRISE', payment_method_id: 'pm_1' })).toEqual({
      plan: 'enterprise',
      paymentMethod: 'pm_1',
    });
  });

  it('passes the instant of a preview on to the millisecond', () => {
    const wish = changeWish({ tier: 'pro', preview: false, as_of: '2026-03-01T12:00:00.123Z' });
    expect(wish).toMatchObject({ plan: 'pro', asOf: Date.parse('2026-03-01T12:00:00.123Z') });
    expect(changeWish({ tier: 'pro', preview: false })).not.toHaveProperty('asOf');
  });
});
