import { describe, expect, it } from 'vitest';
import type { Meter } from '../catalog/types.ts';
import { openLedger } from '../ledger/apply.ts';
import { openUsage } from './book.ts';
import { termsOfPlan } from './terms.ts';
import type { UsageWindow } from './types.ts';
import { CALENDAR_MONTHS } from './window.ts';

const ACCOUNT = 'license/lic_1/shop/calls';
const NOW = Date.UTC(2026, 4, 20);
const METER: Meter = {
  ...{ id: 'calls', name: 'Calls', unit: 'call', kind: 'quantity' },
  ...{ scale: 0, aggregation: 'sum', endpointCosts: [] },
};

/** The thresholds that each use crosses, one batch after another. */
function crossedBy(quantities: readonly number[], notifyAt: readonly number[] | undefined): number[][] {
  const allowance = { meter: 'calls', included: 100, limit: 'soft', ceiling: null, overage: null } as const;
  const plan = { id: 'pro', allowances: [{ ...allowance, notifyAt: notifyAt ?? [80, 100] }] };
  const terms = termsOfPlan(plan, METER);
  let windows: readonly UsageWindow[] = [];
  let ledger = openLedger(new Map()).finish().state;
  return quantities.map((quantity, index) => {
    const open = openLedger(ledger);
    const known = {
      ...{ anchor: CALENDAR_MONTHS, subscription: null, override: undefined, windows },
      ...{ overages: [], beyond: new Map(), lapsedLots: new Map() },
    };
    const accounts = new Map([[ACCOUNT, known]]);
    const book = openUsage({ ledger: open, batch: `b${index}`, now: NOW, accounts, counted: new Map() });
    const details = { method: null, route: null, durationMs: null, status: null, properties: null };
    const what = { id: `e${index}`, quantity, at: NOW, enforce: true, details };
    book.decide({ type: 'use', account: ACCOUNT, meter: METER, terms, ...what });
    const changes = book.finish();
    windows = changes.windows;
    ledger = open.finish().state;
    return changes.crossings.map(({ percent }) => percent);
  });
}

describe('thresholds of what is included', () => {
  it.each([
    ['80 and 100 percent, unless the plan says otherwise', undefined, [79, 1, 19, 1, 50], [[], [80], [], [100], []]],
    ['those that the plan names, each once', [50, 90, 150], [50, 30, 30, 40, 10], [[50], [], [90], [150], []]],
    ['the highest that one step crosses', [50, 90], [95, 5], [[90], []]],
    ['none where the plan wants none', [], [100, 100], [[], []]],
  ])('are %s', (_, notifyAt, quantities, crossed) => {
    expect(crossedBy(quantities, notifyAt)).toEqual(crossed);
  });
});
