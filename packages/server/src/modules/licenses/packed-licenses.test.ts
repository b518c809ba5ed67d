import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../../../../core/test/license-snapshot.ts';
import type { KeptLicense, LicenseKind } from './kept-license.ts';
import { PackedLicenses } from './packed-licenses.ts';

const markOf = (text: string) => createHash('sha256').update(text).digest().toString('latin1');

function kindOf(plan: string): LicenseKind {
  const { startsAt, expiresAt, termBeginsWith, coverage, holds, machines, ...facts } = snapshotOf({ plan });
  return { ...facts, machinesUsed: 1, isShared: true, answers: new Map() };
}

const kinds = [kindOf('one'), kindOf('two')];

const license: fc.Arbitrary<KeptLicense> = fc.record({
  id: fc.nat(20).map((number) => `lic_${number}`),
  kind: fc.constantFrom(...kinds),
  startsAt: fc.integer({ min: 0, max: 4e12 }),
  expiresAt: fc.option(fc.integer({ min: 0, max: 4e12 })),
  termBeginsWith: fc.constantFrom(null, 'first_validation', 'first_activation'),
  coverage: fc.constantFrom('term', 'renewing', 'past_due', 'ended'),
  holds: fc.constant([]),
  machines: fc.constantFrom(new Map(), 'a', 'f'.repeat(72)),
});

const step = fc.oneof(fc.record({ add: license }), fc.record({ remove: fc.nat(20).map((number) => `lic_${number}`) }));

describe('packed licences', () => {
  it('are read as they were put in, whatever was added and taken out before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        // Two lists for twenty licences: their records hang together in many ways.
        const packed = new PackedLicenses(25);
        const model = new Map<string, KeptLicense>();
        for (const each of steps) {
          if ('add' in each) {
            expect(packed.add(markOf(each.add.id), each.add)).toBe(true);
            model.set(each.add.id, each.add);
          } else {
            packed.delete(each.remove);
            model.delete(each.remove);
          }
        }
        expect(packed.size).toBe(model.size);
        for (let number = 0; number <= 20; number += 1) {
          expect(packed.get(markOf(`lic_${number}`))).toEqual(model.get(`lic_${number}`));
        }
      }),
      { numRuns: 300 },
    );
  });

  const plain: KeptLicense = {
    id: 'lic_1',
    kind: kindOf('one'),
    startsAt: 0,
    expiresAt: null,
    termBeginsWith: null,
    coverage: 'term',
    holds: [],
    machines: 'machine',
  };

  it.each<[string, Partial<KeptLicense>]>([
    ['several machines', { machines: new Map(['a', 'b'].map((fingerprint) => [fingerprint, null])) }],
    ['a machine that told its components', { machines: new Map([['a', { board: '1' }]]) }],
    ['a fingerprint that is long', { machines: 'f'.repeat(73) }],
    ['a fingerprint of other letters', { machines: 'größe' }],
    ['a hold', { holds: [{ cause: 'admin', effect: 'suspend', effectiveAt: 0, reason: null }] }],
    ['terms of its own', { kind: { ...kindOf('one'), isShared: false } }],
  ])('are none with %s', (_what, special) => {
    const packed = new PackedLicenses(10);
    expect(packed.add(markOf('special'), { ...plain, ...special })).toBe(false);
    expect(packed.size).toBe(0);
  });

  it('remember from where they were asked for last, until they are put in anew', () => {
    const packed = new PackedLicenses(10);
    const mark = markOf('lic_1');
    packed.add(mark, plain);
    expect(packed.askedFrom(mark)).toBeNull();
    const longest = '0000:0000:0000:0000:0000:ffff:192.168.158.190';
    for (const address of ['203.0.113.9', '203.0.113.8', longest, '::1']) {
      packed.get(mark, address);
      packed.get(mark);
      expect(packed.askedFrom(mark)).toBe(address);
    }
    packed.add(mark, plain);
    expect(packed.askedFrom(mark)).toBeNull();
  });

  it('give up their memory and their place when all are cleared', () => {
    const packed = new PackedLicenses(10);
    packed.add(markOf('lic_1'), plain);
    packed.clear();
    expect([packed.size, packed.get(markOf('lic_1'))]).toEqual([0, undefined]);
    packed.add(markOf('lic_1'), plain);
    expect(packed.get(markOf('lic_1'))).toEqual(plain);
  });
});
