import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestClock, type TestClock } from '../../test/support/ports.ts';
import { followClock, moveClock, readClockOffset } from './clock-store.ts';

const start = new Date('2026-01-01T00:00:00Z');
const later = (days: number) => new Date(start.getTime() + days * 86_400_000);
const actor = { type: 'admin', id: null } as const;
let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.connection.deleteFrom('settings').execute();
});

/** A clock that can be waited for. */
function watchedClock(): { clock: TestClock; moved: Promise<void> } {
  const clock = createTestClock(start);
  let tell = () => {};
  const moved = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const { setOffset } = clock;
  clock.setOffset = (milliseconds) => {
    setOffset(milliseconds);
    tell();
  };
  return { clock, moved };
}

describe('domain time', () => {
  it('is moved for the mover before the call ends, and is kept', async () => {
    const clock = createTestClock(start);
    await moveClock(test.database, clock, later(32), actor);
    expect(clock.now()).toEqual(later(32));
    expect(clock.wall()).toEqual(start);
    expect(await readClockOffset(test.database.connection)).toBe(32 * 86_400_000);
  });

  it('is followed by every process, and taken over by one that starts later', async () => {
    const other = watchedClock();
    const stop = await followClock(test.database, other.clock);
    await moveClock(test.database, createTestClock(start), later(10), actor);
    await other.moved;
    expect(other.clock.now()).toEqual(later(10));
    const late = createTestClock(start);
    const stopLate = await followClock(test.database, late);
    expect(late.now()).toEqual(later(10));
    await Promise.all([stop(), stopLate()]);
  });

  it('never goes back, and of two movers the further wins', async () => {
    const [one, two] = [createTestClock(start), createTestClock(start)];
    await Promise.all([moveClock(test.database, one, later(5), actor), moveClock(test.database, two, later(9), actor)]);
    await moveClock(test.database, one, later(3), actor);
    expect([one.now(), two.now()]).toEqual([later(9), later(9)]);
  });
});
