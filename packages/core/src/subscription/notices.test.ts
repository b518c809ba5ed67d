import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EndingFacts, endingNotice, nextNoticeAt } from './notices.ts';

const day = 86_400_000;
const started = Date.UTC(2026, 10, 1);
const end = started + 30 * day;
const days = [7, 1];

const ending: EndingFacts = {
  standing: 'current',
  isTrial: false,
  endsAt: end,
  trialEndsAt: null,
  startedAt: started,
};
const trial: EndingFacts = { ...ending, isTrial: true, endsAt: null, trialEndsAt: end };

describe('before an end', () => {
  it.each<[string, EndingFacts, number, string | null]>([
    ['nothing is said more than a week ahead', ending, end - 7 * day - 1, null],
    ['it is said a week ahead', ending, end - 7 * day, `subscription-ending ${end}-7-days`],
    ['the day before it is said again', ending, end - day, `subscription-ending ${end}-1-days`],
    ['nothing is said when it has come', ending, end, null],
    ['a trial’s end is said as such', trial, end - 7 * day, `trial-ending ${end}-7-days`],
    [
      'a trial that was canceled ends, and costs nothing',
      { ...trial, endsAt: end },
      end - day,
      `subscription-ending ${end}-1-days`,
    ],
    ['nothing is said of what renews by itself', { ...ending, endsAt: null }, end - day, null],
    ['nothing is said of a trial that is over', { ...trial, isTrial: false }, end - day, null],
    ['nothing is said to who cannot use it now', { ...ending, standing: 'suspended' }, end - day, null],
    ['nothing is said of what has ended', { ...ending, standing: 'ended' }, end - day, null],
    [
      'a trial of three days is not announced as it begins',
      { ...trial, startedAt: end - 3 * day },
      end - 3 * day,
      null,
    ],
    [
      'a trial of three days is announced the day before',
      { ...trial, startedAt: end - 3 * day },
      end - day,
      `trial-ending ${end}-1-days`,
    ],
  ])('%s', (_name, facts, now, expected) => {
    const notice = endingNotice(facts, days, now);
    expect(notice === null ? null : `${notice.template} ${notice.occasion}`).toBe(expected);
  });

  it('who is told late is told once, of what is left', () => {
    expect(endingNotice(ending, days, end - 3 * day)?.occasion).toBe(`${end}-7-days`);
    expect(endingNotice(ending, days, end - 1)?.occasion).toBe(`${end}-1-days`);
  });
});

describe('whatever ends', () => {
  const facts: fc.Arbitrary<EndingFacts> = fc.record({
    standing: fc.constantFrom('current', 'grace', 'suspended', 'ended'),
    isTrial: fc.boolean(),
    endsAt: fc.option(fc.constant(end)),
    trialEndsAt: fc.option(fc.constant(end - 10 * day)),
    startedAt: fc.integer({ min: started, max: end }),
  });
  const noticeDays = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 4 });

  it('the clock followed from one notice to the next says each occasion once, and none at other times', () => {
    fc.assert(
      fc.property(facts, noticeDays, fc.integer({ min: started, max: end }), (any, told, from) => {
        const occasions: string[] = [];
        for (let at = nextNoticeAt(any, told, from); at !== null; at = nextNoticeAt(any, told, at)) {
          expect(at).toBeGreaterThan(from);
          const before = endingNotice(any, told, at - 1);
          const notice = endingNotice(any, told, at);
          expect(notice).not.toBeNull();
          expect(notice?.occasion).not.toBe(before?.occasion);
          occasions.push(notice?.occasion ?? '');
        }
        expect(new Set(occasions).size).toBe(occasions.length);
      }),
    );
  });
});
