import { describe, expect, it } from 'vitest';
import type { Meter } from '../catalog/types.ts';
import { openLedger } from '../ledger/apply.ts';
import { openUsage } from './book.ts';

const ACCOUNT = 'license/lic_1/shop/calls';
const NOW = Date.UTC(2026, 4, 9);
const details = { method: null, route: null, durationMs: null, status: null, properties: null };
const terms = { plan: 'pro', limit: 'overage', included: 0, ceiling: null } as const;

function use(aggregation: Meter['aggregation'], quantities: readonly number[]) {
  const meter: Meter = {
    id: 'calls',
    name: '',
    unit: 'call',
    kind: 'quantity',
    scale: 0,
    aggregation,
    endpointCosts: [],
  };
  const anchor = { startsAt: Date.UTC(2026, 4, 1), endsAt: Date.UTC(2026, 5, 1), unit: 'month', count: 1 } as const;
  const known = {
    ...{ anchor, subscription: 'subs_1', override: undefined, windows: [], overages: [] },
    ...{ beyond: new Map(), lapsedLots: new Map() },
  };
  const accounts = new Map([[ACCOUNT, known]]);
  const book = openUsage({ ledger: openLedger(new Map()), batch: 'b', now: NOW, accounts, counted: new Map() });
  const rate = { amountCents: 3, perUnits: 1, currency: 'usd' };
  const codes = quantities.map((quantity, index) => {
    const asked = { account: ACCOUNT, meter, terms: { ...terms, rate }, id: `e${index}`, at: NOW, quantity };
    return book.decide({ type: 'use', ...asked, enforce: true, details }).code;
  });
  return { codes, units: book.finish().overages.map(({ units }) => units) };
}

const THIRD = Math.floor(Number.MAX_SAFE_INTEGER / 3);

describe('use whose price nobody could write on a bill', () => {
  it.each([
    ['sum', [THIRD - 5, 6], [THIRD - 5]],
    ['max', [THIRD - 5, THIRD + 1], [THIRD - 5]],
  ] as const)(
    'is refused on a meter of the kind %s, and what was counted before stays',
    (aggregation, asked, units) => {
      expect(use(aggregation, asked)).toEqual({ codes: ['VALID', 'too_large'], units });
    },
  );
});
