import type { Decision, Plan, Product } from '@latchkey/core';
import { describe, expect, it } from 'vitest';
import { chosenLicense, instantOf, tierOf } from './from-wire.ts';
import { refusalOf, termsOf, validationOf } from './to-wire.ts';

const price = (amountCents: number) => ({ amountCents }) as Plan['price'];
const plans = [
  { id: 'trial', price: null },
  { id: 'free', price: price(0), allowances: [] },
  { id: 'pro', price: price(9_900) },
] as unknown as Plan[];
const product = { id: 'software', plans } as unknown as Product;

describe('a tier', () => {
  it('is paid, free, given by the vendor, or none', () => {
    expect(tierOf(product, 'pro')).toMatchObject({ plan: { id: 'pro' }, isFree: false });
    expect(tierOf(product, 'free').isFree).toBe(true);
    expect(() => tierOf(product, 'trial')).toThrow(/given by the vendor/);
    expect(() => tierOf(product, 'gold')).toThrow(/free, pro/);
  });
});

describe('an end', () => {
  it.each([
    ['2031-05-01T12:00:00', '2031-05-01T12:00:00.000Z'],
    ['2031-05-01T12:00:00.5+02:00', '2031-05-01T10:00:00.500Z'],
    ['2031-05-01', '2031-05-01T00:00:00.000Z'],
  ])('%s is %s', (text, instant) => expect(instantOf(text)?.toISOString()).toBe(instant));
  it('that is null is the type’s own', () => {
    expect([instantOf(null), instantOf(undefined)]).toEqual([undefined, undefined]);
  });
});

describe('the licence that is meant', () => {
  const license = (id: string, plan: string, createdAt: number, machine?: string) => ({
    id,
    plan,
    createdAt,
    activations: machine === undefined ? [] : [{ fingerprint: machine }],
  });
  const ended = license('ended', 'pro', 9);
  const free = license('free', 'free', 1, 'here');
  const older = license('older', 'pro', 2);
  const newer = license('newer', 'pro', 3);
  const choose = (licenses: (typeof ended)[], machineId?: string) =>
    chosenLicense(licenses, { plans, isInForce: ({ id }) => id !== 'ended', machineId })?.id ?? null;

  it('is in force, on this machine, of the higher tier, the newer, in this order', () => {
    expect(choose([ended, free, older, newer], 'here')).toBe('free');
    expect(choose([ended, free, older, newer])).toBe('newer');
    expect(choose([ended, free], 'elsewhere')).toBe('free');
    expect(choose([ended])).toBe('ended');
    expect(choose([])).toBeNull();
  });
});

describe('answers', () => {
  const decision = (code: string) => ({ valid: false, code, detail: 'No.', because: [] }) as unknown as Decision;
  const refused = (code: string, reactivationRequestId: string | null = null) =>
    refusalOf({ decision: decision(code), license: null, activation: null, reactivationRequestId });

  it('refuse a machine with 409 and what an admin can approve, a dead key with 403, an unknown one with 404', () => {
    expect(refused('TOO_MANY_MACHINES', 'rea_1')).toEqual({
      status: 409,
      body: { activated: false, error: 'No.', code: 'MACHINE_LIMIT', reactivation_request_id: 'rea_1' },
    });
    expect(refused('TOO_MANY_MACHINES').body).not.toHaveProperty('reactivation_request_id');
    for (const code of ['REVOKED', 'SUSPENDED', 'EXPIRED', 'NOT_STARTED']) expect(refused(code).status).toBe(403);
    for (const code of ['MALFORMED', 'FORGED', 'NOT_FOUND', 'PRODUCT_MISMATCH']) expect(refused(code).status).toBe(404);
  });

  it('tell a licence without an end, and without a limit', () => {
    expect(termsOf({ plan: 'pro', expiresAt: null }, { entitlements: ['a'], limits: {} })).toEqual({
      license_type: 'pro',
      expires_at: null,
      max_bots: 0,
      features: ['a'],
    });
  });

  it('carry a reason with a no and none with a yes', () => {
    const now = { product: 'software', demoMode: true, features: [], limits: { max_bots: 3 }, flags: {} };
    const none = validationOf(null, { ...now, licenses: [], code: 'NOT_FOUND', detail: 'None.' });
    expect(none).toMatchObject({ valid: false, demo_mode: true, license_type: null, max_bots: 3, reason: 'None.' });
    const license = { id: 'lic_1', plan: 'pro', expiresAt: 0, machinesUsed: 1 };
    const yes = validationOf(license, { ...now, licenses: [license], demoMode: false, code: 'VALID', detail: 'Yes.' });
    expect(yes).toMatchObject({ valid: true, expires_at: '1970-01-01T00:00:00.000Z', machine_bound: true });
    expect(yes).not.toHaveProperty('reason');
  });
});
