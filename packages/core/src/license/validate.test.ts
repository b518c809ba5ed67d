import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { machinesNamed, plainTerms, snapshotOf } from '../../test/license-snapshot.ts';
import { VALIDATION_CODES, type ValidationCode } from './codes.ts';
import type { Hold } from './state.ts';
import { licenseStatus, type TermPolicy } from './state.ts';
import {
  hasFreeSeat,
  type LicenseSnapshot,
  refuseUnknownKey,
  type ValidationScope,
  validateLicense,
} from './validate.ts';

const day = 86_400_000;
const starts = Date.UTC(2026, 10, 1);
const ends = starts + 30 * day;
const now = starts + 10 * day;

type Case = { license: LicenseSnapshot; scope: ValidationScope };
type Flaw = (good: Case) => Case;

const good: Case = {
  license: snapshotOf({
    startsAt: starts,
    expiresAt: ends,
    coverage: 'renewing',
    maxMachines: 2,
    machines: machinesNamed('server_001'),
    requireMachine: true,
    entitlements: new Set(['server']),
  }),
  scope: { product: 'infinite-server26', machine: { fingerprint: 'server_001' }, entitlements: ['server'] },
};

const withLicense = (change: Partial<LicenseSnapshot>) => (it: Case) => ({
  ...it,
  license: { ...it.license, ...change },
});
const withScope = (change: ValidationScope) => (it: Case) => ({ ...it, scope: { ...it.scope, ...change } });
const withHold = (effect: Hold['effect']) => (it: Case) => {
  const hold: Hold = { cause: effect === 'revoke' ? 'cancel' : 'payment', effect, effectiveAt: now, reason: null };
  return withLicense({ holds: [...it.license.holds, hold] })(it);
};

/** What makes each code apply, in the order in which they must be answered. Flaws of the machine exclude one another; see below. */
const flaws: readonly (readonly [ValidationCode, Flaw])[] = [
  ['REVOKED', withHold('revoke')],
  ['SUSPENDED', withHold('suspend')],
  ['EXPIRED', withLicense({ expiresAt: now, coverage: 'term' })],
  ['NOT_STARTED', withLicense({ startsAt: now + 1 })],
  ['PRODUCT_MISMATCH', withScope({ product: 'another' })],
  ['MACHINE_REQUIRED', withScope({ machine: undefined })],
  ['ENTITLEMENT_MISSING', withScope({ entitlements: ['server', 'support'] })],
];

function codeOf({ license, scope }: Case): ValidationCode {
  return validateLicense(license, scope, now).code;
}

describe('precedence', () => {
  it('without a flaw the licence is VALID', () => {
    expect(codeOf(good)).toBe('VALID');
  });

  it.each(flaws)('%s alone is answered', (code, flaw) => {
    expect(codeOf(flaw(good))).toBe(code);
  });

  const pairs = flaws.flatMap((first, index) => flaws.slice(index + 1).map((second) => [first, second] as const));
  it.each(pairs.map(([[first, a], [second, b]]) => [first, second, a, b] as const))(
    '%s is answered before %s',
    (first, _second, a, b) => {
      expect(codeOf(a(b(good)))).toBe(first);
      expect(codeOf(b(a(good)))).toBe(first);
    },
  );

  const full = withLicense({ machines: machinesNamed('a', 'b') });
  const overFull = withLicense({ machines: machinesNamed('server_001', 'a', 'b') });
  const unknownMachine = withScope({ machine: { fingerprint: 'server_009' } });
  const missing = withScope({ entitlements: ['support'] });
  it.each([
    ['MACHINE_REQUIRED', 'TOO_MANY_MACHINES', (it: Case) => overFull(withScope({ machine: undefined })(it))],
    ['MACHINE_NOT_ACTIVATED', 'ENTITLEMENT_MISSING', (it: Case) => missing(unknownMachine(it))],
    ['MACHINE_MISMATCH', 'ENTITLEMENT_MISSING', (it: Case) => missing(unknownMachine(full(it)))],
    ['MACHINE_MISMATCH', 'TOO_MANY_MACHINES', (it: Case) => unknownMachine(overFull(it))],
    ['TOO_MANY_MACHINES', 'ENTITLEMENT_MISSING', (it: Case) => missing(overFull(it))],
    ['PRODUCT_MISMATCH', 'MACHINE_NOT_ACTIVATED', (it: Case) => unknownMachine(withScope({ product: 'another' })(it))],
  ] as const)('%s is answered before %s', (code, _after, flaw) => {
    expect(codeOf(flaw(good))).toBe(code);
  });

  it('the flaws tested stand in the documented order', () => {
    const places = flaws.map(([code]) => VALIDATION_CODES.indexOf(code));
    expect(places).toEqual([...places].sort((one, other) => one - other));
  });
});

describe('machines', () => {
  it('an unknown machine is told whether a seat is free', () => {
    const license = { ...good.license, maxMachines: 1 };
    const scope = { machine: { fingerprint: 'server_002' } };
    expect(validateLicense({ ...license, machines: machinesNamed() }, scope, now).code).toBe('MACHINE_NOT_ACTIVATED');
    expect(validateLicense(license, scope, now).code).toBe('MACHINE_MISMATCH');
  });

  it('a plan that asks for no machine is valid without one, and still checks one that is named', () => {
    const license = { ...good.license, requireMachine: false, maxMachines: 1 };
    expect(validateLicense(license, {}, now).code).toBe('VALID');
    expect(validateLicense(license, { machine: { fingerprint: 'server_002' } }, now).code).toBe('MACHINE_MISMATCH');
  });

  it('a lowered limit is said even where no machine is named', () => {
    const license = { ...good.license, requireMachine: false, maxMachines: 1, machines: machinesNamed('a', 'b') };
    expect(validateLicense(license, {}, now).code).toBe('TOO_MANY_MACHINES');
  });

  it('-1 is unlimited', () => {
    const machines = machinesNamed(...Array.from({ length: 500 }, (_, index) => `machine_${index}`));
    const license = { ...good.license, maxMachines: -1, machines };
    expect(hasFreeSeat(license)).toBe(true);
    expect(validateLicense(license, { machine: { fingerprint: 'machine_7' } }, now).code).toBe('VALID');
    expect(hasFreeSeat({ maxMachines: 2, machines: machinesNamed('a', 'b') })).toBe(false);
    expect(hasFreeSeat({ maxMachines: 0, machines: machinesNamed() })).toBe(false);
  });
});

describe('what a valid licence is told', () => {
  const cases = [
    ['EXPIRING, from the first millisecond of its last days', { coverage: 'term' }, ends - 7 * day, 'EXPIRING'],
    ['VALID the millisecond before', { coverage: 'term' }, ends - 7 * day - 1, 'VALID'],
    ['EXPIRING when its subscription is over', { coverage: 'ended' }, ends - 1, 'EXPIRING'],
    ['VALID when it will renew by itself', { coverage: 'renewing' }, ends - 1, 'VALID'],
    ['VALID while the renewal is awaited', { coverage: 'renewing' }, ends + day, 'VALID'],
    ['GRACE while a payment is owed', { coverage: 'past_due' }, ends + day, 'GRACE'],
    ['VALID without end', { coverage: 'term', expiresAt: null }, ends, 'VALID'],
  ] as const;
  it.each(cases)('%s', (_name, change, at, code) => {
    const decision = validateLicense({ ...good.license, ...change }, good.scope, at);
    expect(decision).toMatchObject({ valid: true, code });
  });

  it('never names an end that has passed as the time it is valid until', () => {
    const { detail } = validateLicense(good.license, good.scope, ends + day);
    expect(detail).toBe(
      'Valid: the renewal that was due on 2026-12-01T00:00:00.000Z is awaited until 2026-12-04T00:00:00.000Z.',
    );
  });

  it('in grace is told until when, by the payment hold that lies ahead', () => {
    const hold: Hold = { cause: 'payment', effect: 'suspend', effectiveAt: ends + 2 * day, reason: null };
    const license: LicenseSnapshot = { ...good.license, coverage: 'past_due', holds: [hold] };
    expect(validateLicense(license, good.scope, ends).detail).toContain(
      'until 2026-12-03T00:00:00.000Z; pay before then',
    );
  });
});

describe('reasons', () => {
  it('of an acceptance name every rule that was looked at, in order', () => {
    const { because } = validateLicense(good.license, good.scope, now);
    expect(because.map(({ rule, passed }) => [rule, passed])).toEqual([
      ['holds', true],
      ['term', true],
      ['product', true],
      ['machine', true],
      ['entitlements', true],
    ]);
  });

  it('leave out what was not asked', () => {
    const { because } = validateLicense({ ...good.license, requireMachine: false }, {}, now);
    expect(because.map(({ rule }) => rule)).toEqual(['holds', 'term', 'machine']);
  });

  it('say who revoked it and since when', () => {
    const hold: Hold = { cause: 'dispute', effect: 'revoke', effectiveAt: starts, reason: null };
    const decision = validateLicense({ ...good.license, holds: [hold] }, good.scope, now);
    expect(decision.detail).toBe('Revoked since 2026-11-01T00:00:00.000Z: the payment is disputed.');
    const reasoned = { ...hold, reason: 'Chargeback 17.' };
    expect(validateLicense({ ...good.license, holds: [reasoned] }, good.scope, now).detail).toContain('Chargeback 17.');
  });

  it.each(['MALFORMED', 'FORGED', 'NOT_FOUND'] as const)(
    'of a key that is not stored: %s, by the rule of the key',
    (code) => {
      const decision = refuseUnknownKey(code);
      expect(decision).toMatchObject({ valid: false, code, because: [{ rule: 'key', passed: false }] });
    },
  );
});

describe('what the end of a term means', () => {
  const term = (expiryStrategy: TermPolicy['expiryStrategy'], graceDays = 0) =>
    snapshotOf({ expiresAt: ends, policy: { ...plainTerms, expiryStrategy, termGraceMs: graceDays * day } });

  it.each([
    ['restrict', 0, ends - 1, 'EXPIRING', 'active'],
    ['restrict', 0, ends, 'EXPIRED', 'expired'],
    ['restrict', 2, ends, 'GRACE', 'grace'],
    ['restrict', 2, ends + 2 * day - 1, 'GRACE', 'grace'],
    ['restrict', 2, ends + 2 * day, 'EXPIRED', 'expired'],
    ['revoke', 0, ends, 'REVOKED', 'revoked'],
    ['revoke', 2, ends, 'GRACE', 'grace'],
    ['revoke', 2, ends + 2 * day, 'REVOKED', 'revoked'],
    ['maintain', 0, ends - 1, 'VALID', 'active'],
    ['maintain', 0, ends, 'VALID', 'active'],
    ['maintain', 2, ends, 'GRACE', 'grace'],
    ['allow', 0, ends + 400 * day, 'VALID', 'active'],
  ] as const)('%s with %i days of grace, at %i: %s', (strategy, grace, at, code, status) => {
    const license = term(strategy, grace);
    expect(validateLicense(license, {}, at).code).toBe(code);
    expect(licenseStatus(license, license.policy, at)).toBe(status);
  });

  it('maintain is valid for what was released before the end, and for nothing later', () => {
    const license = term('maintain');
    expect(validateLicense(license, { releasedAt: ends - 1 }, ends + day).code).toBe('VALID');
    expect(validateLicense(license, { releasedAt: ends }, ends + day).code).toBe('EXPIRED');
  });

  it('what the end took back is REVOKED though it is suspended as well', () => {
    const license = {
      ...term('revoke'),
      holds: [{ cause: 'admin', effect: 'suspend', effectiveAt: starts, reason: null }],
    } as const;
    expect(validateLicense(license, {}, ends - 1).code).toBe('SUSPENDED');
    expect(validateLicense(license, {}, ends).code).toBe('REVOKED');
  });

  it('a term that has not begun has no end', () => {
    const license = snapshotOf({ termBeginsWith: 'first_activation' });
    expect(validateLicense(license, {}, ends + 900 * day)).toMatchObject({ valid: true, code: 'VALID' });
  });
});

describe('a plan that wants its product named', () => {
  const license = snapshotOf({ requireProduct: true });

  it('refuses a question that does not', () => {
    expect(validateLicense(license, {}, now).code).toBe('PRODUCT_MISMATCH');
    expect(validateLicense(license, { product: license.product }, now).code).toBe('VALID');
  });
});

describe('whatever the licence and the question', () => {
  const instant = fc.integer({ min: starts - 5 * day, max: ends + 10 * day });
  const anyCase = fc.record({
    holds: fc.array(
      fc.record({
        cause: fc.constantFrom('payment', 'cancel', 'refund', 'dispute', 'admin'),
        effect: fc.constantFrom('suspend', 'revoke'),
        effectiveAt: instant,
        reason: fc.constant(null),
      }),
      { maxLength: 3 },
    ),
    coverage: fc.constantFrom('term', 'renewing', 'past_due', 'ended'),
    expiresAt: fc.option(instant),
    maxMachines: fc.constantFrom(-1, 0, 1, 2),
    machines: fc.subarray(['a', 'b', 'c']).map((machines) => machinesNamed(...machines)),
    requireMachine: fc.boolean(),
    requireProduct: fc.boolean(),
    policy: fc.record({
      graceMs: fc.constant(3 * day),
      expiringWithinMs: fc.constant(7 * day),
      termGraceMs: fc.constantFrom(0, 2 * day),
      expiryStrategy: fc.constantFrom('restrict', 'revoke', 'maintain', 'allow'),
    }),
  });
  const anyScope: fc.Arbitrary<ValidationScope> = fc.record({
    product: fc.constantFrom(undefined, 'infinite-server26', 'another'),
    machine: fc.constantFrom(undefined, { fingerprint: 'a' }, { fingerprint: 'd' }),
    entitlements: fc.constantFrom(undefined, [], ['server'], ['support']),
    releasedAt: fc.option(instant, { nil: undefined }),
  });

  it('a validation with nothing asked agrees with the status', () => {
    fc.assert(
      fc.property(anyCase, instant, (change, at) => {
        const license: LicenseSnapshot = {
          ...good.license,
          ...change,
          requireMachine: false,
          requireProduct: false,
          maxMachines: -1,
        };
        const status = licenseStatus(license, license.policy, at);
        const { valid, code } = validateLicense(license, {}, at);
        expect(valid).toBe(status === 'active' || status === 'grace');
        if (!valid) expect(code).toBe(status.toUpperCase());
        if (valid) expect(code === 'GRACE').toBe(status === 'grace');
      }),
    );
  });

  it('the last reason decides: it failed and gives the detail of a refusal, and nothing fails before it', () => {
    fc.assert(
      fc.property(anyCase, anyScope, instant, (change, scope, at) => {
        const { valid, detail, because } = validateLicense({ ...good.license, ...change }, scope, at);
        expect(because.slice(0, -1).every(({ passed }) => passed)).toBe(true);
        expect(because.at(-1)?.passed).toBe(valid);
        if (!valid) expect(because.at(-1)?.detail).toBe(detail);
      }),
    );
  });

  it('asking for more never turns a no into a yes', () => {
    fc.assert(
      fc.property(anyCase, anyScope, instant, (change, scope, at) => {
        const license = { ...good.license, ...change, requireMachine: false, requireProduct: false };
        if (!validateLicense(license, {}, at).valid) expect(validateLicense(license, scope, at).valid).toBe(false);
      }),
    );
  });
});
