import { toHex } from '../../cryptography.ts';
import type { LicenseKeyScheme } from './scheme.ts';

const HASH_DIGITS = 128;
const GROUP_DIGITS = 16;
const GRAMMAR = /^[0-9a-f]{16}(?:-[0-9a-f]{16}){15}$/;
/** The longest text worth looking at: the key's 271 characters and some white space from a mail program's line breaks. */
const LONGEST_TEXT = 400;

/**
 * `sha512-hmac`: 256 hexadecimal digits in 16 groups of 16 joined by dashes (271 characters). The first 128 digits are the
 * SHA-512 of `customer:subscription:timestamp:salt` (timestamp in seconds, salt in hex); the last 128 are the HMAC-SHA-512 of
 * those digits, as text, under the master secret. Specified by the infinite-server26 reference document, "Generation Process".
 */
export const sha512Hmac: LicenseKeyScheme = {
  name: 'sha512-hmac',
  variesBy: 'salt',
  forgiving: false,

  parse(text) {
    if (text.length > LONGEST_TEXT) return null;
    const key = text.replace(/\s+/g, '');
    return GRAMMAR.test(key) ? key : null;
  },

  generate(material, secret, cryptography) {
    const payload = [
      material.customer,
      material.subscription,
      String(Math.floor(material.issuedAt / 1000)),
      toHex(material.salt),
    ].join(':');
    const hash = toHex(cryptography.sha512(cryptography.utf8(payload)));
    const signature = toHex(cryptography.hmacSha512(secret.bytes, cryptography.utf8(hash)));
    return group(hash + signature);
  },

  verify(key, secrets, cryptography) {
    const digits = key.replaceAll('-', '');
    const hash = cryptography.utf8(digits.slice(0, HASH_DIGITS));
    const presented = cryptography.utf8(digits.slice(HASH_DIGITS));
    let authentic = false;
    for (const secret of secrets) {
      const expected = cryptography.utf8(toHex(cryptography.hmacSha512(secret.bytes, hash)));
      if (cryptography.equal(expected, presented)) authentic = true;
    }
    return authentic;
  },
};

function group(digits: string): string {
  const groups: string[] = [];
  for (let start = 0; start < digits.length; start += GROUP_DIGITS)
    groups.push(digits.slice(start, start + GROUP_DIGITS));
  return groups.join('-');
}
