/**
 * Base64 (RFC 4648) that reads one spelling of each value and no other: full padding, no bit set that belongs to no byte, no white
 * space. What is signed must not be changeable by a letter that a lenient reader passes over.
 */

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_SAFE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const PADDING = 0x3d;
const LINE_FEED = 0x0a;
/** Stands for every character that is no digit; whatever is put together with it is negative. */
const NO_DIGIT = -1;

const standardValues = valuesOf(STANDARD);
const urlValues = valuesOf(URL_SAFE);

/** Base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  const text = write(bytes, STANDARD);
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** The bytes of base64 with padding; null for any other text. */
export function fromBase64(text: string): Uint8Array | null {
  return fromBase64Bytes(characterBytes(text));
}

/** The same of a text's bytes. */
export function fromBase64Bytes(text: Uint8Array): Uint8Array | null {
  if (text.length % 4 !== 0) return null;
  return read(text, { start: 0, digits: text.length - paddingOf(text, text.length), lineDigits: 0 }, standardValues);
}

/** The alphabet for addresses and keys (section 5), without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return write(bytes, URL_SAFE);
}

/** The bytes of base64 in the alphabet for addresses, without padding; null for any other text. */
export function fromBase64Url(text: string): Uint8Array | null {
  return read(characterBytes(text), { start: 0, digits: text.length, lineDigits: 0 }, urlValues);
}

/** Base64 in lines of `lineDigits`, a multiple of four; each ends with a line feed. */
export function toBase64Lines(bytes: Uint8Array, lineDigits: number): string {
  const text = toBase64(bytes);
  let lines = '';
  for (let start = 0; start < text.length; start += lineDigits) lines += `${text.slice(start, start + lineDigits)}\n`;
  return lines;
}

/** The bytes of what `toBase64Lines` writes between `start` and `end` of a text's bytes; null for any other text. */
export function fromBase64Lines(text: Uint8Array, start: number, end: number, lineDigits: number): Uint8Array | null {
  const length = end - start;
  const lines = Math.ceil(length / (lineDigits + 1));
  const digits = length - lines;
  if (digits < 4 || digits % 4 !== 0 || text[end - 1] !== LINE_FEED) return null;
  return read(text, { start, digits: digits - paddingOf(text, end - 1), lineDigits }, standardValues);
}

function paddingOf(text: Uint8Array, end: number): number {
  if (text[end - 1] !== PADDING) return 0;
  return text[end - 2] === PADDING ? 2 : 1;
}

/** One byte for each character, and for one that has no place in a byte, one that is no digit. */
function characterBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = Math.min(text.charCodeAt(at), 255);
  return bytes;
}

function write(bytes: Uint8Array, alphabet: string): string {
  const rest = bytes.length % 3;
  const whole = bytes.length - rest;
  const byteAt = (at: number) => bytes[at] ?? 0;
  let text = '';
  for (let at = 0; at < whole; at += 3) {
    text += digitsOf((byteAt(at) << 16) | (byteAt(at + 1) << 8) | byteAt(at + 2), 4, alphabet);
  }
  if (rest === 0) return text;
  return text + digitsOf((byteAt(whole) << 16) | (byteAt(whole + 1) << 8), rest + 1, alphabet);
}

/** The first `count` of the four digits that 24 bits make. */
function digitsOf(bits: number, count: number, alphabet: string): string {
  let text = '';
  for (let shift = 18; shift > 18 - count * 6; shift -= 6) text += alphabet.charAt((bits >> shift) & 63);
  return text;
}

/** Where the digits of a text stand. Lines of `lineDigits`, each but the last followed by a line feed; 0: one line. */
interface Layout {
  start: number;
  /** How many digits there are, padding and line feeds aside. */
  digits: number;
  lineDigits: number;
}

function read(text: Uint8Array, { start, digits, lineDigits }: Layout, values: Int8Array): Uint8Array | null {
  const rest = digits % 4;
  if (rest === 1) return null;
  const bytes = new Uint8Array((digits * 3) >> 2);
  const whole = digits - rest;
  // Negative as soon as one character was none: looked at once, at the end, for this is the hot part of verifying a file.
  let wrong = 0;
  let filled = 0;
  let at = start;
  for (let done = 0; done < whole; ) {
    const stop = lineDigits === 0 ? whole : Math.min(whole, done + lineDigits);
    for (; done < stop; done += 4, at += 4, filled += 3) {
      const four =
        (valueAt(text, at, values) << 18) |
        (valueAt(text, at + 1, values) << 12) |
        (valueAt(text, at + 2, values) << 6) |
        valueAt(text, at + 3, values);
      wrong |= four;
      bytes[filled] = four >> 16;
      bytes[filled + 1] = four >> 8;
      bytes[filled + 2] = four;
    }
    if (lineDigits !== 0 && done % lineDigits === 0 && done < digits) {
      if (text[at] !== LINE_FEED) return null;
      at += 1;
    }
  }
  if (rest !== 0) wrong |= readRest(text, at, rest, { bytes, filled }, values);
  return wrong < 0 ? null : bytes;
}

/** The last byte or two. Negative where a character is no digit, or says more than the bytes do. */
function readRest(
  text: Uint8Array,
  at: number,
  rest: number,
  { bytes, filled }: { bytes: Uint8Array; filled: number },
  values: Int8Array,
): number {
  const first = (valueAt(text, at, values) << 6) | valueAt(text, at + 1, values);
  if (rest === 2) {
    bytes[filled] = first >> 4;
    return (first & 15) === 0 ? first : NO_DIGIT;
  }
  const all = (first << 6) | valueAt(text, at + 2, values);
  bytes[filled] = all >> 10;
  bytes[filled + 1] = all >> 2;
  return (all & 3) === 0 ? all : NO_DIGIT;
}

function valueAt(text: Uint8Array, at: number, values: Int8Array): number {
  return values[text[at] ?? 0] ?? NO_DIGIT;
}

function valuesOf(alphabet: string): Int8Array {
  const values = new Int8Array(256).fill(NO_DIGIT);
  for (let value = 0; value < alphabet.length; value += 1) values[alphabet.charCodeAt(value)] = value;
  return values;
}
