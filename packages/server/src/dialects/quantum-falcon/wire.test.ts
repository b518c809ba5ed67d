import { VALIDATION_CODES } from '@latchkey/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOf } from './from-wire.ts';
import { clockView, refusedView, verifiedView } from './to-wire.ts';

const now = new Date('2026-01-01T00:00:00Z');
const license = { plan: 'pro', startsAt: now.getTime(), userId: 'user_123', features: ['one'] };

describe('what is told of a licence', () => {
  it('has an end, also where the licence has none', () => {
    const end = Date.parse('2026-02-01T00:00:00Z');
    expect(verifiedView({ ...license, expiresAt: end }, { code: 'VALID' }).expiresAt).toBe(end);
    const never = verifiedView({ ...license, expiresAt: null }, { code: 'VALID' }).expiresAt;
    expect(never).toBe(now.getTime() + 36_500 * 86_400_000);
  });

  it('is words for every refusal there is', () => {
    for (const code of VALIDATION_CODES) {
      expect(refusedView({ code, detail: 'as decided' })).toMatchObject({
        valid: false,
        error: expect.stringMatching(/./),
      });
    }
    expect(refusedView({ code: 'EXPIRED', detail: 'as decided' }).error).toBe('License expired');
    expect(refusedView({ code: 'MACHINE_REQUIRED', detail: 'as decided' }).error).toBe('as decided');
  });
});

describe('what is told of a clock', () => {
  it('is nothing where none was told', () => {
    expect(clockView(undefined, now)).toEqual({});
    expect(clockView(null, now)).toEqual({});
  });

  it('is how far it is off, beyond five minutes on either side', () => {
    fc.assert(
      fc.property(fc.integer({ min: -86_400_000, max: 86_400_000 }), (off) => {
        const told = clockView(now.getTime() + off, now);
        expect(told.serverTime).toBe(now.getTime());
        expect(told.clockSkewMs).toBe(Math.abs(off) > 300_000 ? off : undefined);
      }),
    );
  });
});

describe('a key that is asked about', () => {
  it.each([undefined, null, ''])('must be there: %j', (license) => {
    expect(() => keyOf(license)).toThrow('No license provided');
  });
});
