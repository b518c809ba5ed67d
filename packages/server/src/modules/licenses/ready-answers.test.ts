import { type LicenseSnapshot, validateLicense } from '@latchkey/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../../../../core/test/license-snapshot.ts';
import { arbitraryLicense, arbitraryMoment } from '../../../test/support/arbitrary-license.ts';
import { type KeptLicense, viewOf } from './kept-license.ts';
import { createReadyAnswers } from './ready-answers.ts';

function kept(id: string, license: LicenseSnapshot): KeptLicense {
  const { startsAt, expiresAt, termBeginsWith, coverage, holds, machines, ...facts } = license;
  const terms = { startsAt, expiresAt, termBeginsWith, coverage, holds };
  return {
    id,
    ...terms,
    machines,
    kind: { ...facts, machinesUsed: machines.size },
    answer: null,
    askedFrom: null,
    asked: false,
  };
}

const question = fc.record({
  product: fc.constantFrom(undefined, 'product', 'other'),
  fingerprint: fc.constantFrom(undefined, 'machine', 'another', 'a stranger'),
});

describe('a ready answer', () => {
  it('is to the letter what deciding anew gives, whatever was asked before, of whichever licence, and wherever the clock was', () => {
    const asked = fc.array(fc.tuple(fc.nat(3), question, arbitraryMoment), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(arbitraryLicense, { minLength: 4, maxLength: 4 }), asked, (licenses, questions) => {
        const ready = createReadyAnswers();
        const memory = licenses.map((license, index) => kept(`lic_${index}`, license));
        for (const [index, { product, fingerprint }, now] of questions) {
          const license = licenses[index];
          const remembered = memory[index];
          if (license === undefined || remembered === undefined) throw new Error('There are four.');
          const machine = fingerprint === undefined ? undefined : { fingerprint };
          const decision = validateLicense(license, { product, machine }, now);
          const anew = JSON.stringify({ ...decision, license: viewOf(remembered) });
          expect(ready.answer(remembered, product, fingerprint, now)).toBe(anew);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is kept once for all licences that differ in their id and times alone', () => {
    const ready = createReadyAnswers();
    const [first, second] = [1, 2].map((day) =>
      kept(`lic_${day}`, snapshotOf({ expiresAt: Date.UTC(2030, 0, day), coverage: 'renewing' })),
    );
    if (first === undefined || second === undefined) throw new Error('There are two.');
    const now = Date.UTC(2026, 11, 1);
    for (const license of [first, second]) ready.answer(license, undefined, undefined, now);
    expect(first.answer).not.toBeNull();
    expect(second.answer).toBe(first.answer);
    expect(ready.answer(second, undefined, undefined, now)).toContain('"expires_at":"2030-01-02T00:00:00.000Z"');
  });
});
