import { type Hold, type LicenseSnapshot, validateLicense } from '@latchkey/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
  coverage: fc.constantFrom('term', 'renewing', 'past_due', 'ended'),
  holds: fc.uniqueArray(hold, { selector: ({ cause }) => cause }),
  maxMachines: fc.constant(1),
  machines: fc.constant(new Set(['machine'])),
  requireMachine: fc.boolean(),
  entitlements: fc.constant(new Set<string>()),
  policy: fc.record({
    graceMs: fc.integer({ min: 0, max: 20 }),
    expiringWithinMs: fc.integer({ min: 0, max: 20 }),
    keepWhenUnpaid: fc.boolean(),
  }),
});

const scope = fc.constantFrom({}, { machine: 'machine' }, { product: 'other' });

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
    const endless: LicenseSnapshot = {
      product: 'product',
      plan: 'plan',
      startsAt: 0,
      expiresAt: null,
      coverage: 'term',
      holds: [],
      maxMachines: 1,
      machines: new Set(),
      requireMachine: false,
      entitlements: new Set(),
      policy: { graceMs: 0, expiringWithinMs: 0 },
    };
    expect(nextTurn(endless, 5)).toBe(Number.POSITIVE_INFINITY);
  });
});
