import { describe, expect, it } from 'vitest';
import { taggedTests } from './tagged-tests.ts';

describe('a tagged test', () => {
  const found = (text: string) => taggedTests(new Map([['a.test.ts', text]])).map(({ title, rows }) => [title, rows]);

  it('is found by the end of its title, however it is written', () => {
    expect(found("it('one [V1]', () => {});")).toEqual([['one', ['V1']]]);
    expect(found("it.each([1])('%s of two [V1] [I12]', () => {});")).toEqual([['%s of two', ['V1', 'I12']]]);
    expect(found('test(`three [Z9]`, () => {});')).toEqual([['three', ['Z9']]]);
    expect(found(`it(\`four \${count} times [C1]\`, () => {});`)).toEqual([['four … times', ['C1']]]);
  });

  it('is none that is skipped, left to do, or names a row elsewhere', () => {
    const none =
      "it.skip('a [V1]', () => {}); it.todo('b [V1]'); it('[V1] c', () => {}); describe('d [V1]', () => {});";
    expect(found(none)).toEqual([]);
    expect(taggedTests(new Map([['a.ts', "it('one [V1]', () => {});"]]))).toEqual([]);
  });
});
