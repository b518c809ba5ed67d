import { isUtf8 } from 'node:buffer';
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import type { Cryptography } from '@latchkey/core';

/** Core's cryptography by node:crypto. */
export const nodeCryptography: Cryptography = {
  sha256: (data) => createHash('sha256').update(data).digest(),
  sha512: (data) => createHash('sha512').update(data).digest(),
  hmacSha512: (secret, data) => createHmac('sha512', secret).update(data).digest(),
  hmacSha256: (secret, data) => createHmac('sha256', secret).update(data).digest(),
  equal: (left, right) => left.length === right.length && timingSafeEqual(left, right),
  utf8: (text) => Buffer.from(text, 'utf8'),
  // A TextDecoder that is strict says the same in four times the time.
  text: (bytes) => (isUtf8(bytes) ? viewOf(bytes).toString('utf8') : null),
  ed25519PublicKey: (seed) =>
    createPublicKey(privateKeyOf(seed)).export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD.length),
  signEd25519: (seed, message) => sign(null, message, privateKeyOf(seed)),
  verifyEd25519: (publicKey, message, signature) =>
    publicKey.length === KEY_BYTES &&
    signature.length === SIGNATURE_BYTES &&
    verify(null, message, publicKeyOf(publicKey), signature),
  sealAes256Gcm(key, nonce, plain) {
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
    return { ciphertext, tag: cipher.getAuthTag() };
  },
  openAes256Gcm(key, nonce, { ciphertext, tag }) {
    if (tag.length !== TAG_BYTES || nonce.length !== NONCE_BYTES) return null;
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(tag);
    try {
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    } catch {
      return null;
    }
  },
};

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What stands before the 32 bytes of an Ed25519 key in DER: RFC 8410, section 4 (public) and section 7 (private). */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Importing a key costs as much as using it, and a vendor has a handful. */
const MOST_PUBLIC_KEYS = 100;
const publicKeys = new Map<string, KeyObject>();
/** By the array itself, so that no copy of a seed outlives it. */
const privateKeys = new WeakMap<Uint8Array, KeyObject>();

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function publicKeyOf(raw: Uint8Array): KeyObject {
  const name = viewOf(raw).toString('latin1');
  const known = publicKeys.get(name);
  if (known !== undefined) return known;
  const key = createPublicKey({ key: Buffer.concat([SPKI_HEAD, raw]), format: 'der', type: 'spki' });
  if (publicKeys.size >= MOST_PUBLIC_KEYS) publicKeys.clear();
  publicKeys.set(name, key);
  return key;
}

function privateKeyOf(seed: Uint8Array): KeyObject {
  let key = privateKeys.get(seed);
  if (key === undefined) {
    if (seed.length !== KEY_BYTES) throw new RangeError(`An Ed25519 seed has ${KEY_BYTES} bytes.`);
    key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
    privateKeys.set(seed, key);
  }
  return key;
}
