import { type KeySchemeName, type KeySecret, licenseKeyScheme, signingKeyId } from '@latchkey/core';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { nodeCryptography as cryptography } from '../security/cryptography.ts';
import { createFailureLimits, createRateLimiter, type FailureLimits, keyPrefix } from './rate-limits.ts';

const KEY = 'RL-AAAAAAAA-BBBBBBBB-CCCCCCCC';

let now = 0;
let limits: FailureLimits;

beforeEach(() => {
  now = 1_000_000;
  limits = createFailureLimits(() => now);
});

const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;

/** Whether the key is looked at. */
function isAllowed(from: string, key?: string, holdsIt?: () => boolean): boolean {
  try {
    limits.assertAllowed(from, key, holdsIt);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'rate_limited' });
    return false;
  }
}

/** How many of so many guesses are answered, when nobody finds anything. */
function guesses(count: number, guess: (index: number) => [from: string, key: string]): number {
  let answered = 0;
  for (let index = 0; index < count; index += 1) {
    const [from, key] = guess(index);
    if (!isAllowed(from, key)) continue;
    answered += 1;
    limits.count(from, key);
  }
  return answered;
}

describe('guesses from one address', () => {
  it('are answered 600 times a minute, whatever the keys, and others are not held up', () => {
    expect(guesses(1_000, (index) => ['10.0.0.1', `${String(index).padStart(8, '0')}-and-something`])).toBe(600);
    expect(isAllowed('10.0.0.1', 'another key')).toBe(false);
    expect(isAllowed('10.0.0.1')).toBe(false);
    expect(isAllowed('10.0.0.2', 'another key')).toBe(true);
    now += 60_000;
    expect(isAllowed('10.0.0.1', 'another key')).toBe(true);
  });

  it('count together for a whole /64', () => {
    expect(guesses(1_000, (index) => [`2001:db8::${index.toString(16)}`, `${index} a key`])).toBe(600);
  });
});

describe('guesses from as many addresses as you like', () => {
  it('at what follows the first half of a key are answered 300 times a minute', () => {
    const tail = (index: number) => String(index).padStart(8, '0');
    expect(guesses(1_000, (index) => [address(index), `RL-AAAAAAAA-BBBBBBBB-${tail(index)}`])).toBe(300);
    expect(isAllowed('192.0.2.1', KEY)).toBe(false);
    expect(isAllowed('192.0.2.1', 'RL-AAAAAAAB-BBBBBBBB-CCCCCCCC')).toBe(true);
    now += 60_000;
    expect(isAllowed('192.0.2.1', KEY)).toBe(true);
  });

  it('are one key however it is spaced, grouped or written', () => {
    const spellings = [KEY, KEY.toLowerCase(), ` ${KEY} `, KEY.replaceAll('-', ''), [...KEY].join(' '), `\n${KEY}`];
    expect(guesses(1_000, (index) => [address(index), spellings[index % spellings.length] ?? ''])).toBe(300);
    expect(keyPrefix('CO-0OoILil1-00000000')).toBe(keyPrefix('co-000111l1-00000000'));
  });

  it('take nothing from those who hold the key, who are asked for only then', () => {
    const asked: string[] = [];
    const holds = (yes: boolean) => () => {
      asked.push('asked');
      return yes;
    };
    expect(isAllowed('192.0.2.1', KEY, holds(false))).toBe(true);
    guesses(1_000, (index) => [address(index), KEY]);
    expect(asked).toEqual([]);
    expect(isAllowed('192.0.2.1', KEY, holds(true))).toBe(true);
    expect(isAllowed('192.0.2.1', KEY, holds(false))).toBe(false);
    expect(asked).toHaveLength(2);
  });
});

describe('the part of a key by which guesses are counted', () => {
  const seed = new Uint8Array(32).fill(1);
  const publicKey = cryptography.ed25519PublicKey(seed);
  const secret: KeySecret = { id: signingKeyId(publicKey, cryptography), bytes: seed, publicKey };
  const names: KeySchemeName[] = ['sha512-hmac', 'sealed', 'random', 'tier-signature', 'signed'];

  it.each(names)('differs between two customers of one plan and second, in keys of %s', (name) => {
    const scheme = licenseKeyScheme({ name, prefix: 'LONGNAME' }, 'product');
    const keyOf = (customer: string, salt: Uint8Array) => {
      const material = { customer, subscription: 's', plan: 'lifetime', issuedAt: 1.7e12, expiresAt: null, salt };
      return scheme.generate(material, secret, cryptography);
    };
    const salts = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(fc.uuid(), salts, fc.uuid(), salts, (one, saltOfOne, other, saltOfOther) => {
        fc.pre(one !== other && saltOfOne.slice(0, 4).join() !== saltOfOther.slice(0, 4).join());
        expect(keyPrefix(keyOf(one, saltOfOne))).not.toBe(keyPrefix(keyOf(other, saltOfOther)));
      }),
    );
  });

  it('is the first half of a short key, and never the whole of a long one', () => {
    expect(keyPrefix('1234')).toBe('12');
    expect(keyPrefix('ABCD-1234-EFGH')).toBe('ABCD12');
    expect(keyPrefix('a'.repeat(1_000))).toBe('A'.repeat(48));
    expect(keyPrefix('----')).toBe('');
  });
});

describe('a limiter under an attack', () => {
  it('forgets who came first rather than grow without end', () => {
    const limiter = createRateLimiter({ name: 'test', limit: 1, windowSeconds: 60 }, () => now);
    limiter.count('first');
    expect(limiter.peek('first').remaining).toBe(0);
    for (let index = 0; index < 50_000; index += 1) limiter.count(String(index));
    expect(limiter.peek('first').remaining).toBe(1);
    expect(limiter.peek('49999').remaining).toBe(0);
  });
});
