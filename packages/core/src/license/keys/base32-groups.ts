/**
 * Keys that people read aloud and type: groups of eight characters of Crockford's base32 (https://www.crockford.com/base32.html)
 * behind a prefix. Case does not count, nor do dashes and white space, and the letters O, I and L stand for the digits they
 * look like. So one key has many spellings and one canonical form: capitals, with a dash between the groups.
 */

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const GROUP_DIGITS = 8;
/** The longest text worth looking at: a key and what surrounds it when it was copied from a letter. */
const LONGEST_TEXT = 120;
const TYPED = /^[\s0-9A-Za-z-]+$/;
const DIGITS = /^[0-9A-HJKMNP-TV-Z]+$/;

/** The bytes as a key: five bits a character. Their number is a multiple of five, so that no character is part of one only. */
export function toGroups(prefix: string | null, bytes: Uint8Array): string {
  let digits = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      digits += ALPHABET.charAt((held >> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  return join(prefix, digits);
}

/** The canonical form of a key of `length` bytes behind this prefix; null for any other text. */
export function parseGroups(text: string, prefix: string | null, length: number): string | null {
  if (text.length > LONGEST_TEXT || !TYPED.test(text)) return null;
  const typed = fold(text.replace(/[\s-]+/g, ''));
  const start = fold(prefix ?? '');
  if (typed.length !== start.length + (length * 8) / 5 || !typed.startsWith(start)) return null;
  const digits = typed.slice(start.length);
  return DIGITS.test(digits) ? join(prefix, digits) : null;
}

/** The bytes of a canonical key. */
export function fromGroups(key: string, prefix: string | null): Uint8Array {
  const digits = key.slice(prefix === null ? 0 : prefix.length).replaceAll('-', '');
  const bytes = new Uint8Array((digits.length * 5) >> 3);
  let held = 0;
  let bits = 0;
  let filled = 0;
  for (const digit of digits) {
    held = (held << 5) | ALPHABET.indexOf(digit);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[filled] = held >> bits;
    filled += 1;
    held &= (1 << bits) - 1;
  }
  return bytes;
}

function join(prefix: string | null, digits: string): string {
  const groups = prefix === null ? [] : [prefix];
  for (let start = 0; start < digits.length; start += GROUP_DIGITS) {
    groups.push(digits.slice(start, start + GROUP_DIGITS));
  }
  return groups.join('-');
}

/** The prefix is folded too: whoever types the O of a prefix as a zero means that prefix. */
function fold(text: string): string {
  return text.toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1');
}
