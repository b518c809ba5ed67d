import { describe, expect, it } from 'vitest';
import type { Meter } from '../catalog/types.ts';
import { openLedger } from '../ledger/apply.ts';
import { openUsage } from './book.ts';
import type { UsageEvent, UsageOverage, UsageWindow } from './types.ts';

const ACCOUNT = 'license/lic_1/shop/calls';
const METER: Meter = {
  ...{ id: 'calls', name: '', unit: 'call', kind: 'quantity', scale: 0, aggregation: 'sum', endpointCosts: [] },
};
const MAY = Date.UTC(2026, 4, 1);
const CHANGED = Date.UTC(2026, 4, 10);
const JUNE = Date.UTC(2026, 5, 10);
const NOW = CHANGED + 60_000;
const price = { amountCents: 3, perUnits: 1, currency: 'usd' };
const rate = 'starter/3/1/usd';
const details = { method: null, route: null, durationMs: null, status: null, properties: null };

/** Counted in May's window, in the moment before it was heard that the period ended. */
const event: UsageEvent = {
  ...{ id: 'e1', account: ACCOUNT, at: CHANGED + 2_000, receivedAt: CHANGED + 3_000, quantity: 3, details },
  ...{ covered: 0, overage: 3, uncovered: 0, lapsed: 0, rate, operation: null, reverses: null },
};
const may: UsageWindow = {
  ...{ account: ACCOUNT, startsAt: MAY, endsAt: CHANGED, subscription: 'subs_1', plan: 'starter', limit: 'overage' },
  ...{ included: 0, ceiling: null, events: 2, recorded: 5, covered: 0, overage: 5, uncovered: 0, lapsed: 0 },
  ...{ lastAt: event.at, warned: 0, createdAt: MAY },
};
const billed: UsageOverage = {
  ...{ account: ACCOUNT, windowStart: MAY, windowEnd: JUNE, rate, subscription: 'subs_1', plan: 'starter', price },
  units: 5,
};

function correct(windows: readonly UsageWindow[]) {
  const book = openUsage({
    ledger: openLedger(new Map()),
    batch: 'b',
    now: NOW,
    accounts: new Map([
      [
        ACCOUNT,
        {
          anchor: { startsAt: CHANGED, endsAt: JUNE, unit: 'month', count: 1 },
          ...{ subscription: 'subs_1', override: undefined, windows, overages: [billed] },
          ...{ beyond: new Map(), lapsedLots: new Map() },
        },
      ],
    ]),
    counted: new Map([[`${ACCOUNT}/e1`, { at: event.at, quantity: 3, reversed: 0 }]]),
  });
  const terms = { plan: 'yearly', limit: 'overage', included: 0, ceiling: null, rate: price } as const;
  const outcome = book.decide({
    ...{ type: 'correct', account: ACCOUNT, meter: METER, terms, id: 'c1', event, quantity: undefined },
  });
  return { outcome, changes: book.finish() };
}

describe('an event that is taken back', () => {
  it('is taken off the window it was counted in, though a period that was heard of late has its time now', () => {
    const { outcome, changes } = correct([may]);
    expect(outcome).toMatchObject({ code: 'VALID', done: true, quantity: 3 });
    expect(changes.windows.find(({ startsAt }) => startsAt === MAY)).toMatchObject({ recorded: 2, overage: 2 });
    expect(changes.overages).toMatchObject([{ windowStart: MAY, rate, units: 2 }]);
    for (const { recorded, overage } of changes.windows) expect(Math.min(recorded, overage)).toBeGreaterThanOrEqual(0);
  });

  it('is refused where no window is known that counted it', () => {
    expect(correct([])).toMatchObject({ outcome: { code: 'not_correctable', done: false }, changes: { events: [] } });
  });
});
