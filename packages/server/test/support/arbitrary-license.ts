import type { Hold, LicenseSnapshot, LiveMachines } from '@latchkey/core';
import fc from 'fast-check';

/** A moment of a small world in which everything happens before 100. */
export const arbitraryMoment = fc.integer({ min: 0, max: 60 });

const hold: fc.Arbitrary<Hold> = fc.record({
  cause: fc.constantFrom('payment', 'cancel', 'refund', 'dispute', 'admin'),
  effect: fc.constantFrom('suspend', 'revoke'),
  effectiveAt: arbitraryMoment,
  reason: fc.constant(null),
});

/** One machine, or two of which one told its components. */
export const arbitraryMachines = fc.constantFrom<LiveMachines>(
  new Map([['machine', null]]),
  new Map([
    ['machine', { board: '1' }],
    ['another', null],
  ]),
);

/** Any licence of that world, with one machine or several. */
export const arbitraryLicense: fc.Arbitrary<LicenseSnapshot> = fc.record({
  product: fc.constant('product'),
  plan: fc.constant('plan'),
  startsAt: arbitraryMoment,
  expiresAt: fc.option(arbitraryMoment),
  termBeginsWith: fc.constantFrom(null, 'first_activation'),
  coverage: fc.constantFrom('term', 'renewing', 'past_due', 'ended'),
  holds: fc.uniqueArray(hold, { selector: ({ cause }) => cause }),
  maxMachines: fc.constantFrom(1, 2, -1),
  machines: arbitraryMachines,
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
