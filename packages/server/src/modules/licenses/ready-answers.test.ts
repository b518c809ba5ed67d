import { type LicenseSnapshot, validateLicense } from '@latchkey/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../../../../core/test/license-snapshot.ts';
import { arbitraryLicense, arbitraryMachines } from '../../../test/support/arbitrary-license.ts';
import { type KeptLicense, type LicenseKind, viewOf } from './kept-license.ts';
import { readyAnswer } from './ready-answers.ts';

function kept(id: string, license: LicenseSnapshot, kind?: KeptLicense['kind']): KeptLicense {
  const { startsAt, expiresAt, termBeginsWith, coverage, holds, machines, ...facts } = license;
  const terms = { startsAt, expiresAt, termBeginsWith, coverage, holds };
  return { id, ...terms, machines, kind: kind ?? kindOf(facts, machines.size) };
}

function kindOf(facts: Omit<LicenseKind, 'machinesUsed' | 'isShared' | 'answers'>, machinesUsed: number): LicenseKind {
  return { ...facts, machinesUsed, isShared: true, answers: new Map() };
}

const question = fc.record({
  product: fc.constantFrom(undefined, 'product', 'other'),
  fingerprint: fc.constantFrom(undefined, 'machine', 'another', 'a stranger'),
});

describe('a ready answer', () => {
  it('is to the letter what deciding anew gives, whatever was asked before, of whichever licence of its kind, at any time', () => {
    const own = fc.record({
      startsAt: fc.constantFrom(10, 20, 30),
      expiresAt: fc.option(fc.constantFrom(10, 20, 30, 40)),
      machines: arbitraryMachines,
      termBeginsWith: fc.constantFrom(null, 'first_activation' as const),
      coverage: fc.constantFrom('term' as const, 'renewing' as const, 'ended' as const),
    });
    const asked = fc.array(fc.tuple(fc.nat(5), question, fc.constantFrom(5, 15, 25, 35, 55)), {
      maxLength: 60,
      size: 'max',
    });
    const six = fc.array(own, { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(arbitraryLicense, fc.boolean(), six, asked, (like, holds, own, questions) => {
        const first = kept('lic_0', like);
        // Six licences of one kind, whose times differ or are the same by chance.
        const licenses = own.map((terms) => ({ ...like, ...terms, holds: holds ? like.holds : [] }));
        const memory = licenses.map((license, index) => kept(`lic_${index}`, license, first.kind));
        for (const [index, { product, fingerprint }, now] of questions) {
          const license = licenses[index];
          const remembered = memory[index];
          if (license === undefined || remembered === undefined) throw new Error('There are six.');
          const machine = fingerprint === undefined ? undefined : { fingerprint };
          const decision = validateLicense(license, { product, machine }, now);
          const anew = JSON.stringify({ ...decision, license: viewOf(remembered) });
          expect(readyAnswer(remembered, product, fingerprint, now)).toBe(anew);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('is kept once for all licences of a kind, and none for what strangers may name', () => {
    const first = kept('lic_1', snapshotOf({ expiresAt: Date.UTC(2030, 0, 1), coverage: 'renewing' }));
    const second = { ...first, id: 'lic_2', expiresAt: Date.UTC(2030, 0, 2) };
    const now = Date.UTC(2026, 11, 1);
    for (const license of [first, second]) readyAnswer(license, undefined, undefined, now);
    for (let index = 0; index < 10; index += 1) readyAnswer(first, `product-${index}`, `machine-${index}`, now);
    expect(first.kind.answers.size).toBe(1);
    expect(readyAnswer(second, undefined, undefined, now)).toContain('"expires_at":"2030-01-02T00:00:00.000Z"');
  });
});
