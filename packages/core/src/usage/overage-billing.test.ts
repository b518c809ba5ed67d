import { describe, expect, it } from 'vitest';
import { type OverageAccount, type OveragePayer, overageClosing, overageStep } from './overage-billing.ts';

const START = Date.UTC(2026, 0, 1);
const END = Date.UTC(2026, 1, 1);
const NOON = Date.UTC(2026, 0, 10, 12);

const account = (changes: Partial<OverageAccount> = {}): OverageAccount => ({
  ...{ windowStart: START, windowEnd: END, price: { amountCents: 3, perUnits: 1, currency: 'usd' }, stepsOfUnit: 1 },
  ...{ units: 40, reported: 0, metered: 0, itemizedCents: 0, reportedAt: null },
  ...changes,
});
const payer = (changes: Partial<OveragePayer> = {}): OveragePayer => ({
  ...{ periodStart: START, trial: null, hasEnded: false, isMetered: true },
  ...changes,
});

describe('while a period runs', () => {
  it('tells the meter what it does not know yet', () => {
    expect(overageStep(account({ metered: 15 }), payer(), NOON)).toEqual({ do: 'meter', from: 15, to: 40, at: NOON });
  });

  it('gathers for ten minutes, but not so near the end', () => {
    const told = { metered: 15, reportedAt: NOON - 60_000 };
    expect(overageStep(account(told), payer(), NOON)).toMatchObject({ do: 'wait' });
    expect(overageStep(account(told), payer(), NOON + 600_000)).toMatchObject({ do: 'meter' });
    const near = END - 120_000;
    expect(overageStep(account({ ...told, reportedAt: near - 1_000 }), payer(), near)).toMatchObject({ do: 'meter' });
  });

  it('never reports into another period, also when Stripe has not renewed yet', () => {
    expect(overageStep(account(), payer(), END + 90_000)).toEqual({ do: 'meter', from: 0, to: 40, at: END - 1_000 });
    expect(overageStep(account(), payer(), START - 5_000)).toMatchObject({ at: START });
  });

  it('leaves to the renewal what Stripe does not count, or counts for another subscription too', () => {
    expect(overageStep(account(), payer({ isMetered: false }), NOON)).toMatchObject({ do: 'wait' });
  });

  it('waits when less was used than was told, as after a correction', () => {
    expect(overageStep(account({ metered: 50 }), payer(), NOON)).toMatchObject({ do: 'wait' });
  });

  it('charges nothing for a trial', () => {
    const end = START + 14 * 86_400_000;
    expect(overageStep(account(), payer({ trial: { start: START, end } }), NOON)).toEqual({ do: 'waive' });
    expect(overageStep(account(), payer({ trial: { start: START - 1, end: START } }), NOON)).toMatchObject({
      do: 'meter',
    });
  });

  it('charges what was used before a trial that began in mid-life', () => {
    const trial = { start: NOON, end: END };
    expect(overageStep(account(), payer({ trial, periodStart: NOON }), NOON + 60_000)).toEqual({ do: 'close' });
  });

  it.each([{ hasEnded: true }, { periodStart: NOON }, { periodStart: END }])('closes it for %j', (changes) => {
    expect(overageStep(account(), payer(changes), NOON)).toEqual({ do: 'close' });
  });
});

describe('once it is over', () => {
  const after = payer({ periodStart: END });
  const close = (changes: Partial<OverageAccount>, hasOpenMeasure: boolean, billedCents: number) =>
    overageClosing(account(changes), after, { hasOpenMeasure, hasLines: true, billedCents }, END + 7_200_000);

  it('tells the rest while the invoice is a draft, and waits for it', () => {
    expect(close({ metered: 15 }, true, 0)).toEqual({ do: 'meter', from: 15, to: 40, at: END - 1_000 });
    expect(close({ metered: 40 }, true, 0)).toMatchObject({ do: 'wait' });
  });

  it('is settled when what was billed is what was used', () => {
    expect(close({ metered: 40 }, false, 120)).toEqual({ do: 'settled' });
    expect(close({ itemizedCents: 120 }, false, 0)).toEqual({ do: 'settled' });
    expect(close({ metered: 30, itemizedCents: 30 }, false, 90)).toEqual({ do: 'settled' });
  });

  it('bills as an amount what a cancellation threw away, and what came late', () => {
    expect(close({ metered: 40 }, false, 0)).toEqual({ do: 'item', cents: 120 });
    expect(close({ metered: 30 }, false, 90)).toEqual({ do: 'item', cents: 30 });
    expect(close({}, false, 0)).toEqual({ do: 'item', cents: 120 });
  });

  it('waits for an invoice that is not there yet, as long as one may come', () => {
    const nothing = { hasOpenMeasure: false, hasLines: false, billedCents: 0 };
    const at = (now: number, changes: Partial<OveragePayer> = {}, metered = 40) =>
      overageClosing(account({ metered }), { ...after, ...changes }, nothing, now);
    expect(at(END + 5_000)).toMatchObject({ do: 'wait' });
    expect(at(END + 3_600_000)).toEqual({ do: 'item', cents: 120 });
    expect(at(END + 5_000, { hasEnded: true })).toEqual({ do: 'item', cents: 120 });
    expect(at(END + 5_000, {}, 0)).toEqual({ do: 'item', cents: 120 });
  });

  it('gives back what was corrected after it was billed', () => {
    expect(close({ units: 10, metered: 40 }, false, 120)).toEqual({ do: 'item', cents: -90 });
  });
});
