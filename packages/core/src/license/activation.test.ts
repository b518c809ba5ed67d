import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { machinesNamed, snapshotOf } from '../../test/license-snapshot.ts';
import { planActivation } from './activation.ts';
import { type LicenseSnapshot, validateLicense } from './validate.ts';

const day = 86_400_000;
const starts = Date.UTC(2026, 10, 1);
const ends = starts + 30 * day;
const now = starts + 10 * day;

const license = (change: Partial<LicenseSnapshot> = {}) =>
  snapshotOf({ expiresAt: ends, coverage: 'renewing', maxMachines: 1, ...change });
const machine = (fingerprint: string) => ({ fingerprint });

describe('activating a machine', () => {
  it('takes a free seat', () => {
    const plan = planActivation(license(), machine('server_001'), {}, now);
    expect(plan).toMatchObject({ outcome: 'activate', decision: { valid: true, code: 'VALID' } });
  });

  it('answers the seat the machine already has, also when all are taken', () => {
    const taken = license({ machines: machinesNamed('server_001') });
    expect(planActivation(taken, machine('server_001'), {}, now)).toMatchObject({
      outcome: 'already-active',
      decision: { valid: true, code: 'VALID' },
    });
  });

  it('refuses another machine when all seats are taken', () => {
    const taken = license({ machines: machinesNamed('server_001') });
    expect(planActivation(taken, machine('server_002'), {}, now)).toMatchObject({
      outcome: 'refuse',
      decision: { valid: false, code: 'TOO_MANY_MACHINES' },
    });
  });

  it('refuses a key of another product before it looks at seats: no seat is consumed by it', () => {
    const taken = license({ machines: machinesNamed('server_001') });
    for (const snapshot of [license(), taken]) {
      expect(planActivation(snapshot, machine('server_002'), { product: 'redline2' }, now)).toMatchObject({
        outcome: 'refuse',
        decision: { code: 'PRODUCT_MISMATCH' },
      });
    }
  });

  it('of a licence not in force is refused, also for a machine that has a seat', () => {
    const machines = machinesNamed('server_001');
    const revoked = license({
      machines,
      holds: [{ cause: 'admin', effect: 'revoke', effectiveAt: now, reason: null }],
    });
    expect(planActivation(revoked, machine('server_001'), {}, now)).toMatchObject({
      outcome: 'refuse',
      decision: { code: 'REVOKED' },
    });
    const expired = license({ machines, coverage: 'term' });
    expect(planActivation(expired, machine('server_001'), {}, ends)).toMatchObject({
      outcome: 'refuse',
      decision: { code: 'EXPIRED' },
    });
  });

  it('in grace says so, as the validation after it will', () => {
    const plan = planActivation(license({ coverage: 'past_due' }), machine('server_001'), {}, ends);
    expect(plan).toMatchObject({ outcome: 'activate', decision: { valid: true, code: 'GRACE' } });
    expect(plan.decision.detail).toContain('The last payment failed');
  });

  it('gives its reasons in order, the seat last', () => {
    const rules = (snapshot: LicenseSnapshot) =>
      planActivation(snapshot, machine('server_002'), { product: 'infinite-server26' }, now).decision.because.map(
        ({ rule, passed }) => [rule, passed],
      );
    const before = [
      ['holds', true],
      ['term', true],
      ['product', true],
    ];
    expect(rules(license())).toEqual([...before, ['machine', true]]);
    expect(rules(license({ machines: machinesNamed('server_001') }))).toEqual([...before, ['machine', false]]);
  });
});

describe('however many machines ask, one after another', () => {
  it('as many are activated as the limit allows, each validates afterwards, and the rest are refused', () => {
    const asking = fc.array(
      fc.integer({ min: 1, max: 8 }).map((number) => `machine_${number}`),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(fc.integer({ min: -1, max: 5 }), asking, (maxMachines, fingerprints) => {
        const machines = new Map<string, null>();
        const snapshot = license({ maxMachines, machines });
        for (const fingerprint of fingerprints) {
          const plan = planActivation(snapshot, machine(fingerprint), {}, now);
          if (plan.outcome === 'activate') machines.set(fingerprint, null);
          expect(plan.decision.valid).toBe(machines.has(fingerprint));
          expect(validateLicense(snapshot, { machine: machine(fingerprint) }, now).valid).toBe(plan.decision.valid);
        }
        const distinct = new Set(fingerprints).size;
        expect(machines.size).toBe(maxMachines === -1 ? distinct : Math.min(maxMachines, distinct));
      }),
    );
  });
});
