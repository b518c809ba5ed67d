import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainTerms } from '../../test/license-snapshot.ts';
import {
  accessEndsAt,
  type Coverage,
  decidingHold,
  graceEndsAt,
  type Hold,
  type HoldCause,
  LICENSE_STATUSES,
  type LicenseState,
  licenseStatus,
} from './state.ts';

const day = 86_400_000;
const starts = Date.UTC(2026, 10, 1);
const ends = starts + 30 * day;
const policy = plainTerms;
const causes: readonly HoldCause[] = ['payment', 'cancel', 'refund', 'dispute', 'admin'];
const coverages: readonly Coverage[] = ['term', 'renewing', 'past_due', 'ended'];

function license(change: Partial<LicenseState> = {}): LicenseState {
  return { startsAt: starts, expiresAt: ends, termBeginsWith: null, coverage: 'term', holds: [], ...change };
}

function hold(change: Partial<Hold> = {}): Hold {
  return { cause: 'admin', effect: 'suspend', effectiveAt: starts, reason: null, ...change };
}

const anyInstant = fc.integer({ min: starts - 10 * day, max: ends + 20 * day });
const anyHold: fc.Arbitrary<Hold> = fc.record({
  cause: fc.constantFrom(...causes),
  effect: fc.constantFrom('suspend', 'revoke'),
  effectiveAt: anyInstant,
  reason: fc.constantFrom(null, 'because'),
});
/** At most one hold of each cause, as the database keeps them. */
const anyHolds = fc.uniqueArray(anyHold, { selector: ({ cause }) => cause });
const anyState: fc.Arbitrary<LicenseState> = fc.record({
  startsAt: fc.integer({ min: starts - day, max: starts + day }),
  expiresAt: fc.option(anyInstant),
  termBeginsWith: fc.constant(null),
  coverage: fc.constantFrom(...coverages),
  holds: anyHolds,
});

describe('boundaries, to the millisecond', () => {
  it.each([
    ['a licence that starts', license(), starts - 1, 'not_started'],
    ['a licence that starts', license(), starts, 'active'],
    ['the end of a term', license(), ends - 1, 'active'],
    ['the end of a term', license(), ends, 'expired'],
    ['the end of an ended subscription', license({ coverage: 'ended' }), ends, 'expired'],
    ['a renewal that is awaited', license({ coverage: 'renewing' }), ends, 'active'],
    ['a renewal that is awaited', license({ coverage: 'renewing' }), ends + 3 * day - 1, 'active'],
    ['a renewal that never came', license({ coverage: 'renewing' }), ends + 3 * day, 'expired'],
    ['a failed payment', license({ coverage: 'past_due' }), ends + 3 * day - 1, 'grace'],
    ['a failed payment without news', license({ coverage: 'past_due' }), ends + 3 * day, 'expired'],
    ['a licence without end', license({ expiresAt: null }), ends + 1_000 * day, 'active'],
  ] as const)('%s', (_name, state, now, expected) => {
    expect(licenseStatus(state, policy, now)).toBe(expected);
  });

  it('a payment hold that lies ahead is the end of grace: access until the millisecond before, suspended from then on', () => {
    const graceEnd = ends + 3 * day + 3_600_000;
    const state = license({ coverage: 'past_due', holds: [hold({ cause: 'payment', effectiveAt: graceEnd })] });
    expect(graceEndsAt(state)).toBe(graceEnd);
    expect(accessEndsAt(state, policy)).toBe(graceEnd);
    expect(licenseStatus(state, policy, graceEnd - 1)).toBe('grace');
    expect(licenseStatus(state, policy, graceEnd)).toBe('suspended');
  });

  it('of several payment holds the first to bite ends the grace, whichever was placed first', () => {
    const early = hold({ cause: 'payment', effectiveAt: ends + day });
    const late = hold({ cause: 'payment', effectiveAt: ends + 2 * day });
    expect(graceEndsAt(license({ holds: [early, late] }))).toBe(ends + day);
    expect(graceEndsAt(license({ holds: [late, early] }))).toBe(ends + day);
    expect(graceEndsAt(license({ holds: [hold()] }))).toBeNull();
  });

  it('grace that ends within the paid time takes nothing from the paid time', () => {
    const state = license({ coverage: 'past_due', holds: [hold({ cause: 'payment', effectiveAt: ends - day })] });
    expect(accessEndsAt(state, policy)).toBe(ends);
  });

  it('where the vendor keeps unpaid customers, a failed payment never ends access', () => {
    const keep = { ...policy, keepWhenUnpaid: true };
    expect(licenseStatus(license({ coverage: 'past_due' }), keep, ends + 400 * day)).toBe('grace');
    expect(licenseStatus(license({ coverage: 'ended' }), keep, ends)).toBe('expired');
    expect(licenseStatus(license({ coverage: 'renewing' }), keep, ends + 3 * day)).toBe('expired');
  });
});

describe('the hold that decides', () => {
  const now = starts + 10 * day;

  it('is none before its moment and none where there is none', () => {
    expect(decidingHold([], now)).toBeNull();
    expect(decidingHold([hold({ effectiveAt: now + 1 })], now)).toBeNull();
    expect(decidingHold([hold({ effectiveAt: now })], now)).not.toBeNull();
  });

  it('is a revocation before a suspension, however late the revocation came', () => {
    const suspension = hold({ cause: 'payment', effectiveAt: starts });
    const revocation = hold({ cause: 'cancel', effect: 'revoke', effectiveAt: now });
    expect(decidingHold([suspension, revocation], now)).toBe(revocation);
    expect(decidingHold([revocation, suspension], now)).toBe(revocation);
    expect(decidingHold([revocation, suspension], now - 1)).toBe(suspension);
  });

  it('is the first that bit among equals', () => {
    const first = hold({ cause: 'refund', effect: 'revoke', effectiveAt: starts });
    const second = hold({ cause: 'dispute', effect: 'revoke', effectiveAt: starts + 1 });
    expect(decidingHold([second, first], now)).toBe(first);
  });
});

describe('whatever the facts are', () => {
  it('a licence has one of the known statuses', () => {
    fc.assert(
      fc.property(anyState, anyInstant, (state, now) => {
        expect(LICENSE_STATUSES).toContain(licenseStatus(state, policy, now));
      }),
    );
  });

  it('a licence with a revocation that bites is revoked', () => {
    fc.assert(
      fc.property(anyState, fc.constantFrom(...causes), anyInstant, (state, cause, now) => {
        const holds = [...state.holds, hold({ cause, effect: 'revoke', effectiveAt: now })];
        expect(licenseStatus({ ...state, holds }, policy, now)).toBe('revoked');
      }),
    );
  });

  it('lifting one hold never lifts another: what the rest withhold stays withheld', () => {
    fc.assert(
      fc.property(anyState, fc.constantFrom(...causes), anyInstant, (state, lifted, now) => {
        const rest = state.holds.filter(({ cause }) => cause !== lifted);
        const after = licenseStatus({ ...state, holds: rest }, policy, now);
        const withholds = rest.filter(({ effectiveAt }) => effectiveAt <= now).map(({ effect }) => effect);
        if (withholds.includes('revoke')) expect(after).toBe('revoked');
        else if (withholds.length > 0) expect(after).toBe('suspended');
        else expect(['revoked', 'suspended']).not.toContain(after);
      }),
    );
  });

  it('the order in which holds were placed does not matter', () => {
    const shuffled = fc
      .array(anyHold, { maxLength: 6 })
      .chain((holds) =>
        fc.tuple(fc.constant(holds), fc.shuffledSubarray(holds, { minLength: holds.length, maxLength: holds.length })),
      );
    fc.assert(
      fc.property(anyState, shuffled, anyInstant, (state, [holds, others], now) => {
        const one = { ...state, holds };
        const other = { ...state, holds: others };
        expect(licenseStatus(one, policy, now)).toBe(licenseStatus(other, policy, now));
        expect(accessEndsAt(one, policy)).toBe(accessEndsAt(other, policy));
        expect(decidingHold(holds, now)?.effect).toBe(decidingHold(others, now)?.effect);
      }),
    );
  });

  it('time alone only takes away: once started, a status never returns to a better one', () => {
    const rank = { not_started: 0, active: 0, grace: 0, expired: 1, suspended: 2, revoked: 3 } as const;
    fc.assert(
      fc.property(anyState, anyInstant, fc.nat(40 * day), (state, now, later) => {
        const before = rank[licenseStatus(state, policy, now)];
        expect(rank[licenseStatus(state, policy, now + later)]).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  it('a longer term never shortens access', () => {
    fc.assert(
      fc.property(anyState, fc.nat(90 * day), anyInstant, (state, extension, now) => {
        if (state.expiresAt === null) return;
        const longer = { ...state, expiresAt: state.expiresAt + extension };
        if (licenseStatus(state, policy, now) === 'expired') return;
        expect(licenseStatus(longer, policy, now)).toBe(licenseStatus(state, policy, now));
      }),
    );
  });
});
