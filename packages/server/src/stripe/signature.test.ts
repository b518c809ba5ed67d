import Stripe from 'stripe';
import { describe, expect, it } from 'vitest';
import { signatureToleranceSeconds, verifySignature } from './signature.ts';

const wall = new Date('2026-01-01T12:00:00.900Z');
const nowSeconds = Math.floor(wall.getTime() / 1_000);
const secret = 'whsec_first';
const payload = JSON.stringify({ id: 'evt_1', note: 'Grüße ✓' });
const rawBody = Buffer.from(payload);

/** As Stripe's own library makes it for tests. */
const signed = (options: { timestamp?: number; by?: string } = {}) =>
  Stripe.webhooks.generateTestHeaderString({
    payload,
    secret: options.by ?? secret,
    timestamp: options.timestamp ?? nowSeconds,
  });
const verify = (header: string | undefined, more: Partial<Parameters<typeof verifySignature>[0]> = {}) =>
  verifySignature({ rawBody, header, secrets: [secret], wall, ...more });

describe('a delivery is believed when', () => {
  it('the official library would have signed it so', () => {
    expect(verify(signed())).toBeNull();
  });

  it('any of the live secrets signed it', () => {
    const secrets = ['whsec_new', secret, 'whsec_other'];
    expect(verify(signed(), { secrets })).toBeNull();
    expect(verify(signed({ by: 'whsec_new' }), { secrets })).toBeNull();
  });

  it('one of several signatures matches, as while a secret is rolled', () => {
    const [time, mine] = signed().split(',');
    expect(verify(`${time},v1=${'0'.repeat(64)},${mine},v0=legacy`)).toBeNull();
  });

  it('it is as old as the tolerance allows, and no second older', () => {
    expect(verify(signed({ timestamp: nowSeconds - signatureToleranceSeconds + 1 }))).toBeNull();
    expect(verify(signed({ timestamp: nowSeconds - signatureToleranceSeconds - 1 }))).toBe('too old');
  });

  it('our clock is behind Stripe’s', () => {
    expect(verify(signed({ timestamp: nowSeconds + 3_600 }))).toBeNull();
  });
});

describe('a delivery is refused when', () => {
  it.each([
    ['there is no header', undefined, 'no header'],
    ['the header is empty', '', 'no header'],
    ['the header is something else', 'sha256=abc', 'malformed header'],
    ['there is no time', `v1=${'0'.repeat(64)}`, 'malformed header'],
    ['there is no signature', `t=${nowSeconds}`, 'malformed header'],
    ['the time is no number', signed().replace(/t=\d+/, 't=now'), 'malformed header'],
    ['there are two times', `t=1,${signed()}`, 'malformed header'],
    ['the signature is cut short', signed().slice(0, -1), 'malformed header'],
    ['the time was changed', signed().replace(/t=\d+/, `t=${nowSeconds - 1}`), 'no match'],
    ['another secret signed it', signed({ by: 'whsec_of_somebody_else' }), 'no match'],
    ['only an older scheme signed it', signed().replace('v1=', 'v0='), 'malformed header'],
  ])('%s', (_why, header, problem) => {
    expect(verify(header)).toBe(problem);
  });

  it('any byte was changed', () => {
    const header = signed();
    for (let index = 0; index < rawBody.length; index += 1) {
      const changed = Buffer.from(rawBody);
      changed.writeUInt8((rawBody[index] ?? 0) ^ 1, index);
      expect(verify(header, { rawBody: changed })).toBe('no match');
    }
    expect(verify(header, { rawBody: Buffer.concat([rawBody, Buffer.from(' ')]) })).toBe('no match');
  });

  it('there is no secret to compare with', () => {
    expect(verify(signed(), { secrets: [] })).toBe('no match');
  });
});
