import { validateLicense } from '@latchkey/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../../../../core/test/license-snapshot.ts';
import { arbitraryLicense, arbitraryMoment } from '../../../test/support/arbitrary-license.ts';
import { turnsPassed } from './turns.ts';

const scope = fc.constantFrom({}, { machine: { fingerprint: 'machine' } }, { releasedAt: 30 }, { product: 'other' });

describe('the turns of a licence', () => {
  it('decide its answer: while the same ones have passed, the same question is answered the same to the letter', () => {
    fc.assert(
      fc.property(arbitraryLicense, scope, arbitraryMoment, (license, asked, now) => {
        const passed = turnsPassed(license, license.policy, now);
        const answer = validateLicense(license, asked, now);
        for (let other = 0; other < 100; other += 1) {
          if (turnsPassed(license, license.policy, other) !== passed) continue;
          expect(validateLicense(license, asked, other)).toEqual(answer);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('never come for a licence without an end and without a hold', () => {
    const endless = snapshotOf({ startsAt: 0 });
    const passed = (now: number) => turnsPassed(endless, endless.policy, now);
    expect(passed(Number.MAX_SAFE_INTEGER)).toBe(passed(5));
  });
});
