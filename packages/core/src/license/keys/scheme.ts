import type { Cryptography, KeySecret } from '../../cryptography.ts';

/** What a key is made from. A scheme uses what it needs of it. */
export interface KeyMaterial {
  /** The customer as the key knows them: Stripe's customer id where there is one. */
  customer: string;
  /** What was sold: Stripe's subscription id where there is one. */
  subscription: string;
  plan: string;
  issuedAt: number;
  expiresAt: number | null;
  /** At least 16 fresh random bytes. */
  salt: Uint8Array;
}

/** Stands for the secret where a scheme needs none. */
export const NO_SECRET: KeySecret = { id: 'none', bytes: new Uint8Array() };

/** One format of licence keys. A scheme is pure: the same material and secret give the same key. */
export interface LicenseKeyScheme {
  readonly name: string;
  /** What gives another key where one is taken already: fresh salt, or the next second. */
  readonly variesBy: 'salt' | 'second';
  /**
   * Whether `parse` forgives more than white space, so that several spellings are one key. Such schemes are asked about every
   * text that is presented, and so answer quickly for one that is not theirs.
   */
  readonly forgiving: boolean;
  /**
   * The key's one canonical form, in which it is made, stored and compared, when the text has this scheme's grammar; otherwise
   * null. Never says whether it is authentic.
   */
  parse(text: string): string | null;
  /** Makes a key under this secret; `NO_SECRET` for a scheme that has none. */
  generate(material: KeyMaterial, secret: KeySecret, cryptography: Cryptography): string;
  /**
   * Whether one of the secrets made this key (as `parse` returned it). Constant time for a given number of secrets. A scheme
   * whose keys cannot be judged by themselves answers true: what is stored decides.
   */
  verify(key: string, secrets: readonly KeySecret[], cryptography: Cryptography): boolean;
}

/** The first `count` bytes of the salt; a `RangeError` where there are fewer, for a key without them could be guessed. */
export function freshBytes(material: Pick<KeyMaterial, 'salt'>, count: number): Uint8Array {
  if (material.salt.length < count) throw new RangeError(`A key needs ${count} fresh random bytes.`);
  return material.salt.subarray(0, count);
}

/** What a presented text is, when no licence is stored under it. */
export type UnknownKey = 'MALFORMED' | 'FORGED' | 'NOT_FOUND';

/**
 * Why a key that is not stored was refused: no loaded scheme has its grammar, no live secret made it, or it is a genuine key
 * that was never issued here. Whatever the text, each scheme with secrets verifies one key: how long an answer takes tells nothing.
 */
export function classifyUnknownKey(
  text: string,
  candidates: readonly { scheme: LicenseKeyScheme; secrets: readonly KeySecret[] }[],
  cryptography: Cryptography,
): UnknownKey {
  let wellFormed = false;
  let authentic = false;
  for (const { scheme, secrets } of candidates) {
    const key = scheme.parse(text);
    const verified = key ?? decoyOf(scheme, secrets, cryptography);
    const isGenuine = verified !== null && scheme.verify(verified, secrets, cryptography);
    if (key === null) continue;
    wellFormed = true;
    if (isGenuine) authentic = true;
  }
  if (!wellFormed) return 'MALFORMED';
  return authentic ? 'NOT_FOUND' : 'FORGED';
}

const DECOY: KeyMaterial = {
  customer: 'nobody',
  subscription: 'none',
  plan: 'none',
  issuedAt: 0,
  expiresAt: null,
  salt: new Uint8Array(32),
};

/** By scheme and secret: making one costs more than verifying it. */
const decoys = new WeakMap<LicenseKeyScheme, Map<string, string>>();

/** A key of the scheme, to be verified in the place of a text that is none; null where the scheme could make none. */
function decoyOf(scheme: LicenseKeyScheme, secrets: readonly KeySecret[], cryptography: Cryptography): string | null {
  const [secret] = secrets;
  if (secret === undefined) return null;
  const known = decoys.get(scheme) ?? new Map<string, string>();
  const key = known.get(secret.id) ?? scheme.generate(DECOY, secret, cryptography);
  decoys.set(scheme, known.set(secret.id, key));
  return key;
}
