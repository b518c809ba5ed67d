import { type Hold, type LicenseSnapshot, validateLicense } from '@latchkey/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../../../../core/test/license-snapshot.ts';
import { nextTurn } from './turns.ts';

const time = fc.integer({ min: 0, max: 60 });

const hold: fc.Arbitrary<Hold> = fc.record({
  cause: fc.constantFrom('payment', 'cancel', 'refund', 'dispute', 'admin'),
  effect: fc.constantFrom('suspend', 'revoke'),
  effectiveAt: time,
  reason: fc.constant(null),
});

const license: fc.Arbitrary<LicenseSnapshot> = fc.record({
  product: fc.constant('product'),
  plan: fc.constant('plan'),
  startsAt: time,
  expiresAt: fc.option(time),
  termBeginsWith: fc.constantFrom(null, 'first_activation'),
  coverage: fc.constantFrom('term', 'renewing', 'past_due', 'ended'),
  holds: fc.uniqueArray(hold, { selector: ({ cause }) => cause }),
  maxMachines: fc.constant(1),
  machines: fc.constant(new Map([['machine', null]])),
  machineMatching: fc.constant('most'),
  requireMachine: fc.boolean(),
  requireProduct: fc.boolean(),
  entitlements: fc.constant(new Set<string>()),
  limits: fc.constant({}),
  policy: fc.record({
    graceMs: fc.integer({ min: 0, max: 20 }),
    expiringWithinMs: fc.integer({ min: 0, max: 20 }),
    keepWhenUnpaid: fc.boolean(),
    termGraceMs: fc.integer({ min: 0, max: 20 }),
    expiryStrategy: fc.constantFrom('restrict', 'revoke', 'maintain', 'allow'),
  }),
});

const scope = fc.constantFrom({}, { machine: { fingerprint: 'machine' } }, { releasedAt: 30 }, { product: 'other' });

describe('the next turn of a licence', () => {
  it('is later than now, and until it the answer to the same question does not change by a letter', () => {
    fc.assert(
      fc.property(license, scope, time, (one, asked, now) => {
        const until = nextTurn(one, now);
        expect(until).toBeGreaterThan(now);
        const answer = validateLicense(one, asked, now);
        // Every turn of these licences lies before 100.
        for (let later = now; later < Math.min(until, 100); later += 1) {
          expect(validateLicense(one, asked, later)).toEqual(answer);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('of a licence without an end and without a hold never comes', () => {
    const endless = snapshotOf({ startsAt: 0 });
    expect(nextTurn(endless, 5)).toBe(Number.POSITIVE_INFINITY);
  });
});
