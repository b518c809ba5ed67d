import { describe, expect, it } from 'vitest';
import { type AdmissionFacts, admit, admitValue, partsBack, thresholdReached } from './admit.ts';

const facts = (more: Partial<AdmissionFacts['terms']>, rest: Partial<AdmissionFacts> = {}): AdmissionFacts => ({
  available: 3,
  beyond: 0,
  enforce: true,
  ...rest,
  terms: { limit: 'hard', included: 10, ceiling: null, ...more },
});

describe('a use of 5 where 3 are available', () => {
  it.each([
    ['is refused by a hard limit', facts({}), 'LIMIT_REACHED', null],
    ['is refused where nothing was bought', facts({ limit: 'prepaid' }), 'NO_CREDIT', null],
    ['is billed for 2', facts({ limit: 'overage' }), 'VALID', [3, 2, 0]],
    ['is noted for 2', facts({ limit: 'soft' }), 'VALID', [3, 0, 2]],
    ['is billed up to a ceiling', facts({ limit: 'overage', ceiling: 12 }), 'VALID', [3, 2, 0]],
    ['is refused past a ceiling', facts({ limit: 'overage', ceiling: 11 }), 'LIMIT_REACHED', null],
    [
      'is refused where others went beyond before',
      facts({ limit: 'overage', ceiling: 12 }, { beyond: 1 }),
      'LIMIT_REACHED',
      null,
    ],
    ['is counted past a hard limit where it has happened', facts({}, { enforce: false }), 'VALID', [3, 0, 2]],
    [
      'is billed up to a ceiling where it has happened',
      facts({ limit: 'overage', ceiling: 11 }, { enforce: false }),
      'VALID',
      [3, 1, 1],
    ],
    ['is covered where all is included', facts({ included: -1 }, { available: 0 }), 'VALID', [5, 0, 0]],
  ] as const)('%s', (_, given, code, parts) => {
    const admission = admit(5, given);
    expect(admission.code).toBe(code);
    expect(admission.because.length).toBe(1);
    const [covered, overage, uncovered] = parts ?? [];
    expect(admission.allowed ? admission.parts : null).toEqual(parts === null ? null : { covered, overage, uncovered });
  });
});

describe('a value of 12 where 10 are included', () => {
  const value = (limit: 'hard' | 'overage' | 'soft', more: object = {}) =>
    admitValue(12, {
      terms: { limit, included: 10, ceiling: null },
      overage: 0,
      aggregation: 'max',
      enforce: true,
      ...more,
    });

  it('is refused, noted, or billed as far as it rises above what was billed', () => {
    expect(value('hard').code).toBe('LIMIT_REACHED');
    expect(value('soft')).toMatchObject({ parts: { overage: 0, uncovered: 0 } });
    expect(value('overage')).toMatchObject({ parts: { overage: 2 } });
    expect(value('overage', { overage: 2 })).toMatchObject({ parts: { overage: 0 } });
  });

  it('is never billed as a last value, which can become less again', () => {
    expect(value('overage', { aggregation: 'last' })).toMatchObject({ parts: { overage: 0 } });
  });
});

describe('what comes back', () => {
  it('is first what was noted, then what was billed, then what was covered, whatever the parts', () => {
    const parts = { covered: 5, overage: 3, uncovered: 2 };
    expect(partsBack(parts, 0, 4)).toEqual({ uncovered: 2, overage: 2, covered: 0 });
    expect(partsBack(parts, 4, 4)).toEqual({ uncovered: 0, overage: 1, covered: 3 });
    expect(partsBack(parts, 8, 2)).toEqual({ uncovered: 0, overage: 0, covered: 2 });
  });
});

describe('thresholds', () => {
  it.each([
    [79, 0],
    [80, 80],
    [99, 80],
    [100, 100],
    [500, 100],
  ])('%i of 100 reach %i', (recorded, percent) => {
    expect(thresholdReached(recorded, 100, [80, 100])).toBe(percent);
  });

  it('are not reached where nothing is included, or everything', () => {
    expect(thresholdReached(5, 0, [80])).toBe(0);
    expect(thresholdReached(5, -1, [80])).toBe(0);
  });
});
