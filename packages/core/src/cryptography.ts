/**
 * The cryptography that core asks for, as a port: the server gives it node:crypto, another host may give it something else.
 * Everything is synchronous, bytes in and bytes out.
 */
export interface Cryptography {
  sha256(data: Uint8Array): Uint8Array;
  sha512(data: Uint8Array): Uint8Array;
  hmacSha512(secret: Uint8Array, data: Uint8Array): Uint8Array;
  hmacSha256(secret: Uint8Array, data: Uint8Array): Uint8Array;
  /** Compares in a time that depends on the lengths only. */
  equal(left: Uint8Array, right: Uint8Array): boolean;
  /** UTF-8 bytes of a text. */
  utf8(text: string): Uint8Array;
  /** The text of UTF-8 bytes; null for bytes that are not well-formed UTF-8. */
  text(bytes: Uint8Array): string | null;
  /** The 32 bytes of the public key that belongs to an Ed25519 seed (RFC 8032). */
  ed25519PublicKey(seed: Uint8Array): Uint8Array;
  /** The 64 bytes of an Ed25519 signature under a 32-byte seed. */
  signEd25519(seed: Uint8Array, message: Uint8Array): Uint8Array;
  /** Whether the signature is of this message by the owner of this raw public key; false for what is no key or signature. */
  verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** AES-256-GCM without further data: a 12-byte nonce that is never used twice under one key, and a 16-byte tag. */
  sealAes256Gcm(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): SealedBytes;
  /** What was sealed; null where key, nonce, tag or bytes are not those that belong together. */
  openAes256Gcm(key: Uint8Array, nonce: Uint8Array, sealed: SealedBytes): Uint8Array | null;
}

/** What AES-256-GCM makes of a text: as many bytes as it had, and 16 that prove them. */
export interface SealedBytes {
  ciphertext: Uint8Array;
  tag: Uint8Array;
}

/** A secret that makes or checks keys. Several live at once while one replaces another; the id says which made a key. */
export interface KeySecret {
  id: string;
  bytes: Uint8Array;
  /** Of a pair, the half that everybody may know: the raw Ed25519 key that belongs to the seed in `bytes`. */
  publicKey?: Uint8Array;
}

const HEX_DIGITS = '0123456789abcdef';

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX_DIGITS.charAt(byte >> 4) + HEX_DIGITS.charAt(byte & 15);
  return text;
}

/** The bytes of a hexadecimal text, or null when it is not one. */
export function fromHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(text.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}
