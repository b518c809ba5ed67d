import { type Cryptography, type KeySecret, toHex } from '../../cryptography.ts';
import { secondMs } from '../../time.ts';
import type { KeyMaterial, LicenseKeyScheme } from './scheme.ts';

const SIGNATURE_DIGITS = 12;
const LONGEST_TEXT = 160;
const TYPED = /^[\s0-9A-Za-z-]+$/;
const GRAMMAR = /^([A-Z0-9](?:[A-Z0-9-]*[A-Z0-9])?)-([0-9A-F]{12})-(0|[1-9][0-9]{0,11})$/;

/** A scheme of keys that say their tier, and can be recomputed by whoever knows the user. */
export interface TierSignatureScheme extends LicenseKeyScheme {
  /** Whether one of the secrets signed this canonical key for this user. */
  verifyFor(key: string, user: string, secrets: readonly KeySecret[], cryptography: Cryptography): boolean;
}

/**
 * `tier-signature`: prefix, tier, 12 hexadecimal digits of the HMAC-SHA-256 of `user:tier:timestamp` under the secret, and the
 * timestamp in seconds, such as `QF-PRO-0a1b2c3d4e5f-1704067200`. The tier is the plan's id, in capitals in the key and as it
 * is under the HMAC; the user is the customer's name in the key's material. Specified by the quantum-falcon reference
 * document, "License Service".
 *
 * The user is not in the key, so the key alone says nothing about its making: `verify` judges the shape, and what is stored
 * decides. 48 bits of signature are few, and enough only because an answer comes from the store, where guessing is limited.
 * Nothing in a key is random: a user who buys a tier twice in one second is given the next second for the second key.
 */
export function tierSignatureKeys(prefix: string | null): TierSignatureScheme {
  const start = prefix === null ? '' : `${prefix}-`;

  function fieldsOf(text: string): { tier: string; signature: string; timestamp: string } | null {
    const [, tier = '', signature = '', timestamp = ''] = GRAMMAR.exec(text.slice(start.length).toUpperCase()) ?? [];
    return tier === '' ? null : { tier, signature: signature.toLowerCase(), timestamp };
  }

  return {
    name: 'tier-signature',
    variesBy: 'second',
    forgiving: true,

    parse(text) {
      if (text.length > LONGEST_TEXT || !TYPED.test(text)) return null;
      const typed = text.replace(/\s+/g, '');
      if (typed.slice(0, start.length).toUpperCase() !== start) return null;
      const fields = fieldsOf(typed);
      return fields === null ? null : `${start}${fields.tier}-${fields.signature}-${fields.timestamp}`;
    },

    generate(material, secret, cryptography) {
      const { customer, plan } = material;
      const timestamp = String(Math.floor(material.issuedAt / secondMs));
      const signature = sign({ user: customer, tier: plan, timestamp }, secret, cryptography);
      return `${start}${plan.toUpperCase()}-${signature}-${timestamp}`;
    },

    verify: () => true,

    verifyFor(key, user, secrets, cryptography) {
      const fields = fieldsOf(key);
      if (fields === null) return false;
      const signed = { user, tier: fields.tier.toLowerCase(), timestamp: fields.timestamp };
      const presented = cryptography.utf8(fields.signature);
      let authentic = false;
      for (const secret of secrets) {
        if (cryptography.equal(cryptography.utf8(sign(signed, secret, cryptography)), presented)) authentic = true;
      }
      return authentic;
    },
  };
}

function sign(
  { user, tier, timestamp }: { user: KeyMaterial['customer']; tier: KeyMaterial['plan']; timestamp: string },
  secret: KeySecret,
  cryptography: Cryptography,
): string {
  const signed = cryptography.utf8(`${user}:${tier}:${timestamp}`);
  return toHex(cryptography.hmacSha256(secret.bytes, signed)).slice(0, SIGNATURE_DIGITS);
}
