import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../../test/license-snapshot.ts';
import { nodeCryptography } from '../../test/node-cryptography.ts';
import { planActivation } from './activation.ts';
import { digestComponents, matchMachine, neededMatches } from './machine-matching.ts';
import { validateLicense } from './validate.ts';

const laptop = { board: 'b1', disk: 'd1', network: 'n1', processor: 'p1' };
const machines = new Map([
  ['laptop', laptop],
  ['phone', null],
]);
const now = Date.UTC(2026, 10, 10);

describe('a machine that tells no components', () => {
  it.each([
    ['laptop', { kind: 'known', fingerprint: 'laptop' }],
    ['phone', { kind: 'known', fingerprint: 'phone' }],
    ['other', { kind: 'unknown' }],
  ])('is known by its fingerprint alone: %s', (fingerprint, match) => {
    expect(matchMachine(machines, { fingerprint }, 'all')).toEqual(match);
    expect(matchMachine(machines, { fingerprint, components: {} }, 'all')).toEqual(match);
  });
});

describe('a machine that tells its components', () => {
  const changed = (...names: string[]) => ({
    ...laptop,
    ...Object.fromEntries(names.map((name) => [name, 'another'])),
  });

  it.each([
    ['any', ['board', 'disk', 'network'], true],
    ['any', ['board', 'disk', 'network', 'processor'], false],
    ['two', ['board', 'disk'], true],
    ['two', ['board', 'disk', 'network'], false],
    ['most', ['network'], true],
    ['most', ['network', 'disk'], false],
    ['all', [], true],
    ['all', ['network'], false],
  ] as const)(
    'under "%s" with other %j: the same machine is %s, under its fingerprint or a new one',
    (strategy, parts, same) => {
      const components = changed(...parts);
      const known = { kind: 'known', fingerprint: 'laptop' };
      expect(matchMachine(machines, { fingerprint: 'laptop', components }, strategy)).toEqual(
        same ? known : { kind: 'copy', fingerprint: 'laptop' },
      );
      expect(matchMachine(machines, { fingerprint: 'reinstalled', components }, strategy)).toEqual(
        same ? known : { kind: 'unknown' },
      );
    },
  );

  it('is known by its fingerprint where the live machine told none', () => {
    expect(matchMachine(machines, { fingerprint: 'phone', components: { board: 'b9' } }, 'all')).toEqual({
      kind: 'known',
      fingerprint: 'phone',
    });
  });

  it('is the one of two kindred machines that it shares most with', () => {
    const kindred = new Map([
      ['near', { ...laptop, network: 'n2' }],
      ['same', laptop],
    ]);
    expect(matchMachine(kindred, { fingerprint: 'new', components: laptop }, 'any')).toMatchObject({
      fingerprint: 'same',
    });
  });

  it('two components are asked for where there is one, one is enough', () => {
    expect(neededMatches('two', 1)).toBe(1);
    expect(neededMatches('most', 1)).toBe(1);
    expect(neededMatches('most', 4)).toBe(3);
    expect(neededMatches('most', 5)).toBe(3);
  });
});

describe('whatever the components', () => {
  const parts = fc.dictionary(
    fc.constantFrom('board', 'disk', 'network', 'processor', 'memory'),
    fc.constantFrom('1', '2', '3'),
    {
      noNullPrototype: true,
    },
  );

  it('a machine is always itself, and a stricter rule never knows more machines than a milder one', () => {
    fc.assert(
      fc.property(parts, parts, (stored, presented) => {
        const live = new Map([['machine', stored]]);
        const known = (strategy: 'any' | 'two' | 'most' | 'all') =>
          matchMachine(live, { fingerprint: 'machine', components: presented }, strategy).kind === 'known';
        expect(matchMachine(live, { fingerprint: 'machine', components: stored }, 'all').kind).toBe('known');
        if (known('all')) expect(known('most')).toBe(true);
        if (known('all')) expect(known('two')).toBe(true);
        if (known('most') || known('two')) expect(known('any')).toBe(true);
      }),
    );
  });
});

describe('a copy of a machine that is active', () => {
  const license = snapshotOf({ machines, maxMachines: 5 });
  const machine = { fingerprint: 'laptop', components: { board: 'x', disk: 'y', network: 'z', processor: 'q' } };

  it('is refused though a seat is free, and told why', () => {
    expect(validateLicense(license, { machine }, now)).toMatchObject({ valid: false, code: 'MACHINE_MISMATCH' });
    const plan = planActivation(license, machine, {}, now);
    expect(plan).toMatchObject({ outcome: 'refuse', decision: { valid: false, code: 'MACHINE_MISMATCH' } });
    expect(plan.decision.detail).toMatch(/copy/i);
  });
});

describe('a machine that has become another in parts', () => {
  it('keeps the seat it has, under the fingerprint it was known by', () => {
    const machine = { fingerprint: 'reinstalled', components: { ...laptop, network: 'n2' } };
    const full = snapshotOf({ machines, maxMachines: 2 });
    expect(planActivation(full, machine, {}, now)).toMatchObject({ outcome: 'already-active', fingerprint: 'laptop' });
    expect(validateLicense(full, { machine }, now).code).toBe('VALID');
  });
});

describe('components as they are kept', () => {
  it('are an HMAC under the licence: recomputable, and another on another licence', () => {
    const digests = digestComponents('lic_1', { board: 'serial 17' }, nodeCryptography);
    const expected = createHmac('sha256', 'lic_1').update('board\nserial 17').digest('hex').slice(0, 32);
    expect(digests).toEqual({ board: expected });
    expect(digestComponents('lic_2', { board: 'serial 17' }, nodeCryptography)).not.toEqual(digests);
  });
});
