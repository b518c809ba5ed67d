import { type Cryptography, fromHex, type KeySecret, toHex } from '../../cryptography.ts';
import { secondMs } from '../../time.ts';
import { fromBase64Url, toBase64Url } from '../offline/base64.ts';
import { judgeSignature, messageOf, type PublicSigningKey, signText } from '../offline/signing-key.ts';
import { freshBytes, type KeyMaterial, type LicenseKeyScheme } from './scheme.ts';

const VERSION = 1;
const KEY_ID_BYTES = 8;
const INSTANT_BYTES = 5;
const ID_BYTES = 10;
const SIGNATURE_BYTES = 64;
/** Where the two names begin. */
const HEAD_BYTES = 1 + KEY_ID_BYTES + 2 * INSTANT_BYTES + ID_BYTES;
/** Seconds that five bytes hold: until the year 36812. */
const LAST_SECOND = 256 ** INSTANT_BYTES - 1;
/** The longest text worth looking at: prefix, two names of forty characters, and the white space of a letter. */
const LONGEST_TEXT = 600;
const BODY = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/;

/** What a signed key says. Instants are milliseconds, to the second. */
export interface SignedClaims {
  /** The signing key that signed it. */
  keyId: string;
  issuedAt: number;
  /** As it was issued: a renewal does not change a key. null: never. */
  expiresAt: number | null;
  product: string;
  plan: string;
  /** 80 random bits in hexadecimal. */
  id: string;
}

/** A scheme of keys that anybody can verify who has the vendor's public keys. */
export interface SignedScheme extends LicenseKeyScheme {
  /** What a canonical key says; null where none of these keys signed it, or the one that did was taken back. */
  open(key: string, publicKeys: readonly PublicSigningKey[], cryptography: Cryptography): SignedClaims | null;
}

/**
 * `signed`: a prefix, the claims in base64 for addresses, a dot, and the Ed25519 signature over `key/` and those characters, such as
 * `LK-AfvQ….Zk3v…`. Who has the vendor's public keys verifies it without the server.
 *
 * The claims, in bytes, numbers from the most significant on:
 *
 * | bytes | hold                                                                          |
 * | ----- | ----------------------------------------------------------------------------- |
 * | 1     | the version, 1                                                                |
 * | 8     | the signing key's id: the beginning of the SHA-256 of its public key          |
 * | 5     | when it was issued, in seconds since 1970                                     |
 * | 5     | when it ends as it was issued, in seconds since 1970; 0 is never              |
 * | 10    | random                                                                        |
 * | 1 + n | the length of the product's id, and the id in ASCII                           |
 * | 1 + n | the length of the plan's id, and the id in ASCII; nothing follows             |
 *
 * The margin: a forgery takes the private key, or 2^128 work against Ed25519. Two keys of one second, product and plan are the same
 * with odds of 2^-80 a pair; with a million keys one to 2.4 million million. What a key says was true when it was issued: that it
 * was revoked since, only the server or the signed revocation list tells.
 *
 * Secrets of this scheme are pairs: `bytes` is the seed that signs, `publicKey` what verifies.
 */
export function signedKeys(prefix: string | null, product: string): SignedScheme {
  const start = prefix === null ? '' : `${prefix}-`;

  function open(key: string, publicKeys: readonly PublicSigningKey[], cryptography: Cryptography): SignedClaims | null {
    const parts = partsOf(key.slice(start.length));
    const claims = parts === null ? null : readClaims(parts.claims, cryptography);
    if (parts === null || claims === null) return null;
    const message = messageOf('key', cryptography.utf8(parts.text));
    const signed = { message, keyId: claims.keyId, signature: parts.signature };
    return judgeSignature(signed, publicKeys, cryptography) === null ? claims : null;
  }

  return {
    name: 'signed',
    variesBy: 'salt',
    forgiving: false,

    parse(text) {
      if (text.length > LONGEST_TEXT) return null;
      const key = text.replace(/\s+/g, '');
      return key.startsWith(start) && partsOf(key.slice(start.length)) !== null ? key : null;
    },

    generate(material, secret, cryptography) {
      const text = toBase64Url(writeClaims({ ...material, product, keyId: secret.id }, cryptography));
      const signature = signText('key', text, { signer: { id: secret.id, seed: secret.bytes }, cryptography });
      return `${start}${text}.${toBase64Url(signature)}`;
    },

    verify: (key, secrets, cryptography) => open(key, secrets.flatMap(publicHalf), cryptography) !== null,
    open,
  };
}

function publicHalf({ id, publicKey }: KeySecret): PublicSigningKey[] {
  return publicKey === undefined ? [] : [{ id, publicKey }];
}

/** The two halves of a key without its prefix; null for any other text, and for another spelling of the same bytes. */
function partsOf(body: string): { text: string; claims: Uint8Array; signature: Uint8Array } | null {
  const [, text = '', signatureText = ''] = BODY.exec(body) ?? [];
  const claims = fromBase64Url(text);
  const signature = fromBase64Url(signatureText);
  if (claims === null || signature?.length !== SIGNATURE_BYTES || !hasLayout(claims)) return null;
  return { text, claims, signature };
}

/** Whether the bytes are claims of this version: a head, and two names of the lengths they say. */
function hasLayout(claims: Uint8Array): boolean {
  const productLength = claims[HEAD_BYTES] ?? 0;
  const planLength = claims[HEAD_BYTES + 1 + productLength] ?? 0;
  return claims[0] === VERSION && claims.length === HEAD_BYTES + 2 + productLength + planLength;
}

type Claimed = Pick<KeyMaterial, 'issuedAt' | 'expiresAt' | 'plan' | 'salt'> & { product: string; keyId: string };

function writeClaims(claimed: Claimed, cryptography: Cryptography): Uint8Array {
  const keyId = fromHex(claimed.keyId);
  if (keyId?.length !== KEY_ID_BYTES) throw new RangeError(`A signing key's id has ${KEY_ID_BYTES} bytes.`);
  const names = [claimed.product, claimed.plan].map((name) => cryptography.utf8(name));
  const bytes = [VERSION, ...keyId, ...secondBytes(claimed.issuedAt), ...endBytes(claimed.expiresAt)];
  bytes.push(...freshBytes({ salt: claimed.salt }, ID_BYTES));
  for (const name of names) {
    if (name.length > 255) throw new RangeError('A name in a key has at most 255 bytes.');
    bytes.push(name.length, ...name);
  }
  return Uint8Array.from(bytes);
}

function readClaims(claims: Uint8Array, cryptography: Cryptography): SignedClaims | null {
  const productAt = HEAD_BYTES + 1;
  const planAt = productAt + (claims[HEAD_BYTES] ?? 0) + 1;
  const product = cryptography.text(claims.subarray(productAt, planAt - 1));
  const plan = cryptography.text(claims.subarray(planAt));
  if (product === null || plan === null) return null;
  const issuedAt = 1 + KEY_ID_BYTES;
  const endsAt = issuedAt + INSTANT_BYTES;
  const randomAt = endsAt + INSTANT_BYTES;
  const end = numberOf(claims.subarray(endsAt, randomAt));
  return {
    keyId: toHex(claims.subarray(1, issuedAt)),
    issuedAt: numberOf(claims.subarray(issuedAt, endsAt)) * secondMs,
    expiresAt: end === 0 ? null : end * secondMs,
    product,
    plan,
    id: toHex(claims.subarray(randomAt, HEAD_BYTES)),
  };
}

/** An end that is not never is never written as 0, however early it is. */
function endBytes(instant: number | null): number[] {
  return instant === null ? bytesOf(0) : bytesOf(Math.max(1, secondOf(instant)));
}

function secondBytes(instant: number): number[] {
  return bytesOf(secondOf(instant));
}

function secondOf(instant: number): number {
  return Math.min(Math.max(Math.floor(instant / secondMs), 0), LAST_SECOND);
}

function bytesOf(second: number): number[] {
  return Array.from(
    { length: INSTANT_BYTES },
    (_, index) => Math.floor(second / 256 ** (INSTANT_BYTES - 1 - index)) % 256,
  );
}

function numberOf(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) value = value * 256 + byte;
  return value;
}
