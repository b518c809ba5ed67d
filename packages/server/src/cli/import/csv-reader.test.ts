import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCsv } from '../../http/csv.ts';
import { readCsv } from './csv-reader.ts';
import { readText } from './text.ts';

async function* inChunks(text: string, size = text.length || 1): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

async function read(text: string, { size, delimiter }: { size?: number; delimiter?: string } = {}) {
  return Array.fromAsync(readCsv(inChunks(text, size), delimiter));
}

const record = (line: number, ...value: string[]) => ({ line, value });
const fault = (line: number) => ({ line, fault: expect.any(String) });

describe('CSV', () => {
  const table: [string, string, object[]][] = [
    ['nothing', '', []],
    ['one field', 'a', [record(1, 'a')]],
    ['a last line with and without its end', 'a,b\nc,d', [record(1, 'a', 'b'), record(2, 'c', 'd')]],
    ['CRLF', 'a,b\r\nc,d\r\n', [record(1, 'a', 'b'), record(2, 'c', 'd')]],
    ['CR alone', 'a,b\rc,d\r', [record(1, 'a', 'b'), record(2, 'c', 'd')]],
    ['empty fields', ',\n,a,\n', [record(1, '', ''), record(2, '', 'a', '')]],
    ['an empty field at the very end', 'a,', [record(1, 'a', '')]],
    ['empty lines, which are none', '\n\na\n\r\n\nb\n\n', [record(3, 'a'), record(6, 'b')]],
    ['an empty field in quotes, which is one', '""\na', [record(1, ''), record(2, 'a')]],
    ['quotes', '"a","b, c"', [record(1, 'a', 'b, c')]],
    ['quotes in quotes', '"say ""hi""",""""', [record(1, 'say "hi"', '"')]],
    ['white space, which is kept', ' a , b ', [record(1, ' a ', ' b ')]],
    [
      'line ends in quotes: a record is where it begins',
      '"a\nb\r\nc",d\ne,f',
      [record(1, 'a\nb\r\nc', 'd'), record(4, 'e', 'f')],
    ],
    ['a quote in a plain field, which costs its line', 'a"b,c\nd,e', [fault(1), record(2, 'd', 'e')]],
    ['text after a closing quote, which costs its line', '"a"b,c\nd,e', [fault(1), record(2, 'd', 'e')]],
    [
      'a quote that is never closed, which costs its line',
      'a,b\n"c,d\ne,f\ng,h',
      [record(1, 'a', 'b'), fault(2), record(3, 'e', 'f'), record(4, 'g', 'h')],
    ],
    ['a quote that is never closed on the last line', 'a,b\n"c', [record(1, 'a', 'b'), fault(2)]],
    ['semicolons', 'a;b;c,d\n1;2;3', [record(1, 'a', 'b', 'c,d'), record(2, '1', '2', '3')]],
    ['tabs', 'a\tb\n1\t"2\t3"', [record(1, 'a', 'b'), record(2, '1', '2\t3')]],
  ];

  it.each(table)('reads %s, however it arrives', async (_what, text, expected) => {
    expect(await read(text)).toEqual(expected);
    for (const size of [1, 2, 3, 5]) expect(await read(text, { size }), `in chunks of ${size}`).toEqual(expected);
  });

  it('takes the delimiter it is told', async () => {
    expect(await read('a;b,c', { delimiter: ',' })).toEqual([record(1, 'a;b', 'c')]);
  });

  it('does not hold a file in memory to look for a closing quote, and loses one line of it', async () => {
    const rows = 20_000;
    const text = `"a,b\n${'some text,and more of it\n'.repeat(rows)}`;
    const found = await read(text, { size: 65_536 });
    expect(found).toHaveLength(rows + 1);
    expect(found[0]).toEqual(fault(1));
    expect(found.at(-1)).toEqual(record(rows + 1, 'some text', 'and more of it'));
  });

  it('refuses a line without end', async () => {
    await expect(read('x'.repeat(300_000), { size: 1_000 })).rejects.toThrow('Line 1');
  });
});

describe('what was written as CSV', () => {
  const special = fc.constantFrom('"', ',', '\n', '\r', '\r\n', ';', '\t', ' ', '\ufeff', 'ä', '🔑', 'a');
  const field = fc.oneof(
    fc.array(special, { maxLength: 8 }).map((parts) => parts.join('')),
    fc.string({ unit: 'grapheme' }),
  );
  const table = fc
    .integer({ min: 1, max: 5 })
    .chain((width) =>
      fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }),
    );

  it('is read back as the same, at the lines where it stands, through the bytes of a file', async () => {
    await fc.assert(
      fc.asyncProperty(table, fc.integer({ min: 1, max: 9 }), async (rows, size) => {
        const lines = rows.map(formatCsv);
        const bytes = Buffer.from(lines.join(''));
        async function* pieces() {
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
        }
        const found = await Array.fromAsync(readCsv(readText(pieces()), ','));
        let line = 1;
        const expected = rows.map((row, index) => {
          const begins = line;
          line += lines[index]?.match(/\r\n|\r|\n/g)?.length ?? 0;
          return record(begins, ...row);
        });
        expect(found).toEqual(expected);
      }),
    );
  });
});

describe('the text of a file', () => {
  const text = (bytes: Buffer) =>
    Array.fromAsync(
      readText(
        (async function* () {
          yield bytes;
        })(),
      ),
    );

  it('loses its byte order mark', async () => {
    expect((await text(Buffer.from('\ufeffa,b'))).join('')).toBe('a,b');
  });

  it('that is not UTF-8 is refused, not guessed', async () => {
    await expect(text(Buffer.from([0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72, 0x0a]))).rejects.toThrow('UTF-8');
  });
});
