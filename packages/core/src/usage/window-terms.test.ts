import { describe, expect, it } from 'vitest';
import type { Meter } from '../catalog/types.ts';
import { openLedger } from '../ledger/apply.ts';
import { openUsage } from './book.ts';
import { termsFor, termsOfPlan, type UsageTerms } from './terms.ts';
import type { UsageAccount, UsageChanges, UsageWindow } from './types.ts';
import type { PeriodAnchor } from './window.ts';

const ACCOUNT = 'license/lic_1/shop/calls';
const METER: Meter = {
  ...{ id: 'calls', name: '', unit: 'call', kind: 'quantity', scale: 2, aggregation: 'sum', endpointCosts: [] },
};
const NOW = Date.UTC(2026, 4, 20);
const MAY: PeriodAnchor = { startsAt: Date.UTC(2026, 4, 1), endsAt: Date.UTC(2026, 5, 1), unit: 'month', count: 1 };
const terms = (plan: string, included: number, more: Partial<UsageTerms> = {}): UsageTerms => ({
  ...{
    plan,
    included,
    limit: 'overage',
    ceiling: null,
    rate: { amountCents: 3, perUnits: 1, currency: 'usd' },
    ...more,
  },
});

/** Uses of one account on changing terms, in one batch. */
function usesOn(
  steps: readonly { terms: UsageTerms; quantity: number; aggregation?: Meter['aggregation'] }[],
  anchor = MAY,
  windows: UsageWindow[] = [],
) {
  const ledger = openLedger(new Map());
  const known: UsageAccount = {
    ...{ anchor, subscription: 'subs_1', override: undefined, windows, overages: [] },
    ...{ beyond: new Map(), lapsedLots: new Map() },
  };
  const accounts = new Map([[ACCOUNT, known]]);
  const book = openUsage({ ledger, batch: 'b', now: NOW, accounts, counted: new Map() });
  const details = { method: null, route: null, durationMs: null, status: null, properties: null };
  const outcomes = steps.map(({ terms: on, quantity, aggregation = 'sum' }, index) =>
    book.decide({
      ...{ type: 'use', account: ACCOUNT, meter: { ...METER, aggregation }, terms: on, id: `e${index}` },
      ...{ at: NOW, quantity, enforce: true, details },
    }),
  );
  const changes = book.finish();
  return { outcomes, changes, balance: ledger.finish().state.get(ACCOUNT)?.balance, window: windowOf(changes) };
}

function windowOf({ windows }: UsageChanges): UsageWindow | undefined {
  return windows.find(({ startsAt }) => startsAt === MAY.startsAt);
}

describe('a change of plan within a period', () => {
  it('adds the difference where it is for the better, and bills what goes beyond at each plan’s own price', () => {
    const rate = { amountCents: 2, perUnits: 1, currency: 'usd' };
    const { window, changes, balance } = usesOn([
      { terms: terms('starter', 10), quantity: 12 },
      { terms: terms('pro', 30, { rate }), quantity: 25 },
    ]);
    expect(window).toMatchObject({ included: 30, covered: 30, overage: 7, plan: 'pro' });
    expect(balance).toMatchObject({ granted: 30, used: 30, available: 0 });
    expect(changes.overages.map(({ rate: name, units }) => [name, units])).toEqual([
      ['starter/3/1/usd', 2],
      ['pro/2/1/usd', 5],
    ]);
  });

  it('takes nothing away where it is for the worse', () => {
    const { window, balance } = usesOn([
      { terms: terms('pro', 30), quantity: 5 },
      { terms: terms('starter', 10), quantity: 20 },
    ]);
    expect(window).toMatchObject({ included: 30, covered: 25, overage: 0, plan: 'starter' });
    expect(balance).toMatchObject({ granted: 30, available: 5 });
  });

  it('back and forth adds nothing twice', () => {
    const { balance } = usesOn([
      { terms: terms('pro', 30), quantity: 1 },
      { terms: terms('starter', 10), quantity: 1 },
      { terms: terms('pro', 30), quantity: 1 },
      { terms: terms('best', -1), quantity: 1_000 },
      { terms: terms('pro', 30), quantity: 1_000 },
    ]);
    // What was without limit stays so to the end of the period.
    expect(balance).toMatchObject({ granted: 30, used: 3 });
  });
});

describe('a period that begins within another', () => {
  it('ends the one before, whose figures stay', () => {
    const startsAt = Date.UTC(2026, 3, 15);
    const before: UsageWindow = {
      ...{ account: ACCOUNT, startsAt, endsAt: Date.UTC(2026, 4, 15), subscription: null, plan: 'free', limit: 'hard' },
      ...{ included: 100, ceiling: null, events: 1, recorded: 40, covered: 40, overage: 0, uncovered: 0, lapsed: 0 },
      ...{ lastAt: startsAt, warned: 0, createdAt: startsAt },
    };
    const { changes, window } = usesOn([{ terms: terms('pro', 30), quantity: 1 }], MAY, [before]);
    expect(changes.windows.find((one) => one.startsAt === startsAt)).toMatchObject({
      endsAt: MAY.startsAt,
      recorded: 40,
    });
    expect(window).toMatchObject({ recorded: 1, included: 30, subscription: 'subs_1' });
  });
});

describe('meters that keep a value', () => {
  it('take nothing from balances, and bill a peak as far as it rises', () => {
    const value = (quantity: number, aggregation: 'max' | 'last') => ({
      terms: terms('pro', 10),
      quantity,
      aggregation,
    });
    const peak = usesOn([value(12, 'max'), value(7, 'max'), value(15, 'max')]);
    expect(peak.window).toMatchObject({ recorded: 15, overage: 5, covered: 0, events: 3 });
    expect(peak.balance).toBeUndefined();
    const last = usesOn([value(12, 'last'), value(7, 'last')]);
    expect(last.window).toMatchObject({ recorded: 7, overage: 0 });
  });

  it('refuse a value above a hard limit, and keep what was before', () => {
    const hard = terms('pro', 10, { limit: 'hard' });
    const { outcomes, window } = usesOn([
      { terms: hard, quantity: 9, aggregation: 'max' },
      { terms: hard, quantity: 11, aggregation: 'max' },
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual(['VALID', 'LIMIT_REACHED']);
    expect(window).toMatchObject({ recorded: 9 });
  });
});

describe('terms', () => {
  const allowance = {
    meter: 'calls',
    included: 5,
    limit: 'hard' as const,
    ceiling: 8,
    overage: null,
    notifyAt: [80, 100],
  };

  it('are the plan’s in steps of the meter; of a meter it does not name, prepaid', () => {
    expect(termsOfPlan({ id: 'pro', allowances: [allowance] }, METER)).toMatchObject({
      included: 500,
      ceiling: 800,
      limit: 'hard',
    });
    expect(termsOfPlan({ id: 'pro', allowances: [] }, METER)).toMatchObject({ included: 0, limit: 'prepaid' });
    expect(termsOfPlan(null, METER)).toMatchObject({ plan: null, limit: 'prepaid' });
  });

  it('are the owner’s own where they have some, and never bill without a price', () => {
    const plan = termsOfPlan({ id: 'pro', allowances: [allowance] }, METER);
    expect(termsFor(plan, undefined)).toEqual(plan);
    expect(termsFor(plan, { included: 900, limit: null, ceiling: -1 })).toMatchObject({
      included: 900,
      limit: 'hard',
      ceiling: null,
    });
    expect(termsFor(plan, { included: null, limit: 'overage', ceiling: null })).toMatchObject({
      included: 500,
      limit: 'soft',
    });
    expect(termsFor(termsOfPlan(null, METER), { included: 7, limit: null, ceiling: null })).toMatchObject({
      limit: 'hard',
    });
  });
});
