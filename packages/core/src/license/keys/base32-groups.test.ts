import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromGroups, parseGroups, toGroups } from './base32-groups.ts';

const key = 'RL-0123ABCD-EFGHJKMN-PQRSTVWX';
const parse = (text: string) => parseGroups(text, 'RL', 15);

describe('groups of base32', () => {
  it('carry their bytes there and back', () => {
    const bytes = fc
      .integer({ min: 1, max: 8 })
      .chain((fives) => fc.uint8Array({ minLength: fives * 5, maxLength: fives * 5 }));
    fc.assert(
      fc.property(bytes, fc.constantFrom('RL', 'CO', 'A1', null), (any, prefix) => {
        expect([...fromGroups(toGroups(prefix, any), prefix)]).toEqual([...any]);
      }),
    );
  });

  it.each([
    ['lower case', key.toLowerCase()],
    ['letters for the digits they look like', 'rl-ol23abcd-efghjkmn-pqrstvwx'],
    ['an I for the one', 'RL-0I23ABCD-EFGHJKMN-PQRSTVWX'],
    ['no dashes', key.replaceAll('-', '')],
    ['spaces for dashes', key.replaceAll('-', ' ')],
    ['dashes elsewhere', 'RL0123-ABCDE-FGHJKMN-PQRSTVW-X'],
    ['a one in the prefix', key.replace('RL', 'R1')],
    ['what surrounds it in a letter', `  ${key}\r\n`],
  ])('are the same key with %s', (_name, text) => {
    expect(parse(text)).toBe(key);
  });

  it.each([
    ['a character too few', key.slice(0, -1)],
    ['a character too many', `${key}0`],
    ['another prefix', key.replace('RL', 'RK')],
    ['no prefix', key.slice(3)],
    ['the prefix behind', `${key.slice(3)}-RL`],
    ['the letter U, which is no digit', key.replace('A', 'U')],
    ['a letter that only becomes one of ours in capitals', key.replace('S', '\u017f')],
    ['a dotless i, which becomes an I', key.replace('1', '\u0131')],
    ['a digit of another script', key.replace('0', '\uff10')],
    ['a dash of typography', key.replaceAll('-', '\u2013')],
    ['more than a letter puts around it', `${key}${' '.repeat(200)}`],
  ])('are no key with %s', (_name, text) => {
    expect(parse(text)).toBeNull();
  });

  it('are told apart by prefix and length, so that no text is a key of two kinds', () => {
    expect(parseGroups(key, 'RX', 15)).toBeNull();
    expect(parseGroups(key, 'RL', 20)).toBeNull();
    expect(parseGroups(key, null, 15)).toBeNull();
  });
});
