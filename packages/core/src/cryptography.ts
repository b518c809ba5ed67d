/**
 * The cryptography that core asks for, as a port: the server gives it node:crypto, another host may give it something else.
 * Everything is synchronous, bytes in and bytes out.
 */
export interface Cryptography {
  sha512(data: Uint8Array): Uint8Array;
  hmacSha512(secret: Uint8Array, data: Uint8Array): Uint8Array;
  hmacSha256(secret: Uint8Array, data: Uint8Array): Uint8Array;
  /** Compares in a time that depends on the lengths only. */
  equal(left: Uint8Array, right: Uint8Array): boolean;
  /** UTF-8 bytes of a text. */
  utf8(text: string): Uint8Array;
}

/** A secret that makes or checks keys. Several live at once while one replaces another; the id says which made a key. */
export interface KeySecret {
  id: string;
  bytes: Uint8Array;
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
