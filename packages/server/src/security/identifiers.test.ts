import { describe, expect, it } from 'vitest';
import { createSeededRandomness } from '../../test/support/ports.ts';
import { createIds, randomCode } from './identifiers.ts';
import { createClock, createSystemIds } from './system-ports.ts';

describe('ids', () => {
  it('are a prefix and 26 characters, unique, and sort in the order they were made', () => {
    const ids = createSystemIds();
    const made = Array.from({ length: 20_000 }, () => ids.next('lic'));
    expect(made[0]).toMatch(/^lic_[0-9a-hjkmnp-tv-z]{26}$/);
    expect(new Set(made).size).toBe(made.length);
    expect([...made].sort()).toEqual(made);
  });

  it('still sort after more of them in one millisecond than there is room for, and when the clock is set back', () => {
    let now = 1_767_225_600_000;
    const ids = createIds(() => now, createSeededRandomness('ids'));
    let last = '';
    for (let count = 0; count < 1_100_000; count += 1) {
      if (count === 1_050_000) now -= 5_000;
      const id = ids.next('evt' as 'lic');
      if (id <= last) expect.fail(`${id} came after ${last}`);
      last = id;
    }
  });

  it('carry the time they were made at', () => {
    const at = (now: number) => createIds(() => now, createSeededRandomness('ids')).next('lic');
    expect(at(0).slice(4, 14)).toBe('0000000000');
    expect(at(2 ** 48 - 1).slice(4, 14)).toBe('7zzzzzzzzz');
  });

  it('of two processes in one millisecond differ', () => {
    const at = (seed: string) => createIds(() => 1_767_225_600_000, createSeededRandomness(seed)).next('lic');
    expect(at('one')).not.toBe(at('two'));
  });
});

it('a random code has no letter that is read as another', () => {
  const code = randomCode(createSeededRandomness('codes'), 400);
  expect(code).toHaveLength(400);
  expect(code).not.toMatch(/[ilou]/);
});

it('domain time runs ahead of the wall by the offset', () => {
  const clock = createClock(() => 1_000);
  expect(clock.now().getTime()).toBe(1_000);
  clock.setOffset(5_000);
  expect([clock.now().getTime(), clock.wall().getTime(), clock.offsetMs]).toEqual([6_000, 1_000, 5_000]);
});
