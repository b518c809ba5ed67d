import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJson } from './json-reader.ts';

async function* inChunks(text: string, size = text.length || 1): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

const isField = (name: string) => ['key', 'metadata', 'product'].includes(name);
const read = (text: string, size?: number) => Array.fromAsync(readJson(inChunks(text, size), isField));
const fault = (line: number) => ({ line, fault: expect.any(String) });

describe('JSON', () => {
  const table: [string, string, object[]][] = [
    ['nothing', '', []],
    ['an empty array', '[]', []],
    ['an empty object', ' {} ', []],
    [
      'an array',
      '[\n  {"key": "a"},\n\n  {\n    "key": "b, ]}\\""\n  }\n]\n',
      [
        { line: 2, value: { key: 'a' } },
        { line: 4, value: { key: 'b, ]}"' } },
      ],
    ],
    [
      'an array on one line',
      '[{"key":"a"},{"key":"b"}]',
      [
        { line: 1, value: { key: 'a' } },
        { line: 1, value: { key: 'b' } },
      ],
    ],
    ['what is no row in an array', '[1, "two", null, [3]]', [1, 'two', null, [3]].map((value) => ({ line: 1, value }))],
    [
      'lines',
      '{"key":"a"}\r\n\n{"metadata":{"a":1}}\n{"product":"p"}',
      [
        { line: 1, value: { key: 'a' } },
        { line: 3, value: { metadata: { a: 1 } } },
        { line: 4, value: { product: 'p' } },
      ],
    ],
    [
      'lines that begin with an object of a field',
      '{"metadata":{"a":1}}',
      [{ line: 1, value: { metadata: { a: 1 } } }],
    ],
    [
      'a line that is broken, which costs itself',
      '{"key":"a"}\n{"key":\n{"key":"b"}',
      [{ line: 1, value: { key: 'a' } }, fault(2), { line: 3, value: { key: 'b' } }],
    ],
    [
      'an object of rows by name',
      '{\n    "K-1": {\n        "status": "active"\n    },\n    "K-\\"2": {"status": "x"}\n}',
      [
        { line: 2, name: 'K-1', value: { status: 'active' } },
        { line: 5, name: 'K-"2', value: { status: 'x' } },
      ],
    ],
    [
      'rows by name below licenses',
      '{"version": 2, "licenses": {\n"K-1": {"a": 1}}, "more": 1}',
      [{ line: 2, name: 'K-1', value: { a: 1 } }],
    ],
    ['rows below licenses', '{"licenses": [\n{"key": "a"}]}', [{ line: 2, value: { key: 'a' } }]],
    [
      'an item that is broken, which costs itself',
      '[{"key": a},\n{"key": "b"}]',
      [fault(1), { line: 2, value: { key: 'b' } }],
    ],
    ['an array that is never closed', '[{"key":"a"},\n{"key":"b"', [{ line: 1, value: { key: 'a' } }, fault(2)]],
    ['an array that ends where a row would begin', '[{"key":"a"},\n', [{ line: 1, value: { key: 'a' } }, fault(2)]],
  ];

  it.each(table)('reads %s, however it arrives', async (_what, text, expected) => {
    expect(await read(text)).toEqual(expected);
    for (const size of [1, 2, 7]) expect(await read(text, size), `in chunks of ${size}`).toEqual(expected);
  });

  it('reads any rows, written with and without line ends, each at its line', async () => {
    const row = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 5 }), fc.integer({ min: 1, max: 40 }), async (rows, size) => {
        const plain = JSON.parse(JSON.stringify(rows));
        const values = async (text: string) =>
          (await read(text, size)).map((one) => ('value' in one ? one.value : one));
        expect(await values(JSON.stringify(rows))).toEqual(plain);
        expect(await values(JSON.stringify(rows, null, 4))).toEqual(plain);
        const named = Object.fromEntries(plain.map((value: object, index: number) => [`K-${index}`, value]));
        expect(await values(JSON.stringify(named, null, 2))).toEqual(plain);
        const text = JSON.stringify(rows, null, 2);
        const lines = text.split('\n').flatMap((one, index) => (/^ {2}\{/.test(one) ? [index + 1] : []));
        expect((await read(text, size)).map(({ line }) => line)).toEqual(lines);
      }),
    );
  });

  it('reads far beyond what tells its shape, and says where a row has no end', async () => {
    async function* many() {
      yield '[';
      for (let index = 0; index < 50_000; index += 1) yield `{"key": "${'x'.repeat(100)}"},\n`;
      yield '{}]';
    }
    let count = 0;
    for await (const _ of readJson(many(), isField)) count += 1;
    expect(count).toBe(50_001);
    await expect(read(`[{"key": "${'x'.repeat(400_000)}`, 10_000)).rejects.toThrow('line 1');
  });
});
