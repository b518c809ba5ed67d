import { describe, expect, it } from 'vitest';
import type { Meter, UnitPrice } from '../catalog/types.ts';
import { openLedger } from '../ledger/apply.ts';
import { openUsage } from './book.ts';
import type { UsageTerms } from './terms.ts';
import type { UsageWindow } from './types.ts';

const ACCOUNT = 'license/lic_1/shop/calls';
const METER: Meter = {
  ...{ id: 'calls', name: '', unit: 'call', kind: 'quantity', scale: 0, aggregation: 'sum', endpointCosts: [] },
};
const APRIL = Date.UTC(2026, 3, 1);
const MAY = Date.UTC(2026, 4, 1);
const price = (amountCents: number): UnitPrice => ({ amountCents, perUnits: 1, currency: 'usd' });
const april: UsageWindow = {
  ...{ account: ACCOUNT, startsAt: APRIL, endsAt: MAY, subscription: 'subs_1', plan: 'starter', limit: 'overage' },
  ...{ included: 0, ceiling: null, events: 0, recorded: 0, covered: 0, overage: 0, uncovered: 0, lapsed: 0 },
  ...{ lastAt: null, warned: 0, createdAt: APRIL },
};

/** Use of April that is told of in May, when the plan is another. */
function lateUse(today: Pick<UsageTerms, 'plan' | 'limit' | 'rate'>, rateOf: (plan: string) => UnitPrice | null) {
  const anchor = { startsAt: MAY, endsAt: Date.UTC(2026, 5, 1), unit: 'month', count: 1 } as const;
  const known = {
    ...{ anchor, subscription: 'subs_1', override: undefined, windows: [april], overages: [] },
    ...{ beyond: new Map(), lapsedLots: new Map() },
  };
  const accounts = new Map([[ACCOUNT, known]]);
  const book = openUsage({ ledger: openLedger(new Map()), batch: 'b', now: MAY + 9, accounts, counted: new Map() });
  const details = { method: null, route: null, durationMs: null, status: null, properties: null };
  const terms = { ...today, included: 0, ceiling: null };
  book.decide({
    ...{ type: 'use', account: ACCOUNT, meter: METER, terms, rateOf, id: 'e1', at: MAY - 9, quantity: 5 },
    ...{ enforce: true, details },
  });
  return book.finish();
}

describe('use that is told of when its period is over', () => {
  it.each([
    { plan: 'free', limit: 'hard', rate: null },
    { plan: 'pro', limit: 'overage', rate: price(1) },
  ] as const)('is billed at the price of the plan that held, though it is $plan by now', (today) => {
    const { windows, overages } = lateUse(today, (plan) => (plan === 'starter' ? price(3) : null));
    expect(overages).toMatchObject([{ windowStart: APRIL, rate: 'starter/3/1/usd', plan: 'starter', units: 5 }]);
    expect(windows).toMatchObject([{ startsAt: APRIL, overage: 5, uncovered: 0 }]);
  });

  it('is noted and not said to be billed where no price is known any more', () => {
    const { windows, overages, events } = lateUse({ plan: 'free', limit: 'hard', rate: null }, () => null);
    expect(overages).toEqual([]);
    expect(windows).toMatchObject([{ startsAt: APRIL, overage: 0, uncovered: 5 }]);
    expect(events).toMatchObject([{ overage: 0, uncovered: 5, rate: null }]);
  });
});
