import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64, fromBase64Lines, fromBase64Url, toBase64, toBase64Lines, toBase64Url } from './base64.ts';

const anyBytes = fc.uint8Array({ maxLength: 300 });
const buffer = (of: Uint8Array | string) => Buffer.from(of as string);
const linesBack = (text: string, lineDigits: number) =>
  fromBase64Lines(buffer(text), 0, buffer(text).length, lineDigits);

describe('base64', () => {
  it('is what Node writes, in both alphabets, and reads back', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(toBase64(bytes)).toBe(buffer(bytes).toString('base64'));
        expect(toBase64Url(bytes)).toBe(buffer(bytes).toString('base64url'));
        expect(fromBase64(toBase64(bytes))).toEqual(new Uint8Array(bytes));
        expect(fromBase64Url(toBase64Url(bytes))).toEqual(new Uint8Array(bytes));
      }),
    );
  });

  it('in lines reads back, from any place in a text', () => {
    const someBytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(someBytes, fc.constantFrom(4, 60, 64), fc.string(), (bytes, lineDigits, before) => {
        const lines = toBase64Lines(bytes, lineDigits);
        expect(lines.split('\n').every((line) => line.length <= lineDigits)).toBe(true);
        const text = `${before}${lines}${before}`;
        const start = buffer(before).length;
        expect(fromBase64Lines(buffer(text), start, start + lines.length, lineDigits)).toEqual(new Uint8Array(bytes));
      }),
    );
  });
});

describe('a value', () => {
  // Whatever else Node's lenient reader takes for these bytes is another spelling.
  it('has one spelling: no text with one character changed, added or taken gives the same bytes', () => {
    const character = fc.constantFrom(...'ABZaz09+/-_=. \n\r\té\u0141');
    fc.assert(
      fc.property(anyBytes, fc.nat(400), character, fc.constantFrom(0, 1), (bytes, place, other, cut) => {
        for (const [write, read] of [
          [toBase64, fromBase64],
          [toBase64Url, fromBase64Url],
          [(value: Uint8Array) => toBase64Lines(value, 64), (text: string) => linesBack(text, 64)],
        ] as const) {
          const text = write(bytes);
          const at = place % (text.length + 1);
          const changed = text.slice(0, at) + other + text.slice(at + cut);
          if (changed === text) continue;
          expect(read(changed)).not.toEqual(new Uint8Array(bytes));
          if (text.length > 0 && at < text.length) {
            expect(read(text.slice(0, at) + text.slice(at + 1))).not.toEqual(new Uint8Array(bytes));
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it.each(['A', 'AB', 'ABC', 'AB=', 'AB==A', 'A===', '====', 'AB==\n', ' AB==', 'AR==', 'AAB=', 'AB__', 'AB\u0141='])(
    'is not written %j',
    (text) => {
      expect(fromBase64(text)).toBeNull();
    },
  );

  it.each(['A', 'AB==', 'AR', 'AAB', 'AA+A', 'AA A'])('is not written %j for addresses', (text) => {
    expect(fromBase64Url(text)).toBeNull();
  });

  it.each(['', '\n', 'AAAA', 'AAAAAAAA\n', 'AA\nAA\n', 'AAAA\nAAAA', 'AAAA\rAAAA\n', 'AAAA\n\nAAAA\n'])(
    'is not written %j in lines of four',
    (text) => {
      expect(linesBack(text, 4)).toBeNull();
    },
  );
});
