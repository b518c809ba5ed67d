import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DemoMode } from '../catalog/index.ts';
import {
  checkEntitlement,
  demoGrant,
  featureFlags,
  type Granted,
  NOTHING_GRANTED,
  uniteGrants,
} from './entitlements.ts';

const demo: DemoMode = {
  enabled: true,
  limits: { max_bots: 3 },
  flags: {
    live_trading: { enabled: false, message: 'Upgrade to Basic', unlimited: null },
    unlimited_bots: { enabled: false, message: 'Upgrade to Pro', unlimited: 'max_bots' },
    charts: { enabled: true, message: null, unlimited: null },
  },
};
const grant = (features: string[], limits: Record<string, number> = {}): Granted => ({
  features: new Set(features),
  limits,
});

describe('a question about what is granted', () => {
  it.each([
    [{ feature: 'live_trading' }, true, 'VALID'],
    [{ feature: 'api_access' }, false, 'ENTITLEMENT_MISSING'],
    [{ limit: 'max_bots', value: 10 }, true, 'VALID'],
    [{ limit: 'max_bots', value: 11 }, false, 'LIMIT_REACHED'],
    [{ limit: 'seats', value: 1_000_000 }, true, 'VALID'],
    [{ limit: 'max_robots', value: 0 }, false, 'ENTITLEMENT_MISSING'],
  ])('%j: %s, %s', (question, allowed, code) => {
    const granted = grant(['live_trading'], { max_bots: 10, seats: -1 });
    expect(checkEntitlement(granted, question)).toMatchObject({ allowed, code });
  });
});

describe('demo mode', () => {
  it('gives what the catalog leaves on, within its limits', () => {
    expect(demoGrant(demo)).toEqual(grant(['charts'], { max_bots: 3 }));
    expect(featureFlags(demo, demoGrant(demo))).toEqual({
      live_trading: { enabled: false, message: 'Upgrade to Basic' },
      unlimited_bots: { enabled: false, message: 'Upgrade to Pro' },
      charts: { enabled: true },
    });
  });

  it('gives nothing where it is switched off or was never there', () => {
    expect(demoGrant({ ...demo, enabled: false })).toEqual(NOTHING_GRANTED);
    expect(demoGrant(null)).toEqual(NOTHING_GRANTED);
  });

  it('its flags are on for what a licence includes, and for a limit without an end', () => {
    expect(featureFlags(demo, grant(['live_trading'], { max_bots: -1 }))).toEqual({
      live_trading: { enabled: true },
      unlimited_bots: { enabled: true },
      charts: { enabled: true },
    });
  });
});

describe('several licences together', () => {
  const anyGrant = fc
    .tuple(
      fc.subarray(['a', 'b', 'c']),
      fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom(-1, 0, 1, 5), { noNullPrototype: true }),
    )
    .map(([features, limits]) => grant(features, limits));
  const question = fc.oneof(
    fc.record({ feature: fc.constantFrom('a', 'b', 'd') }),
    fc.record({ limit: fc.constantFrom('x', 'y', 'z'), value: fc.integer({ min: 0, max: 7 }) }),
  );

  it('allow exactly what one of them allows', () => {
    fc.assert(
      fc.property(fc.array(anyGrant, { maxLength: 4 }), question, (grants, asked) => {
        const one = grants.some((each) => checkEntitlement(each, asked).allowed);
        expect(checkEntitlement(uniteGrants(grants), asked).allowed).toBe(one);
      }),
    );
  });
});
