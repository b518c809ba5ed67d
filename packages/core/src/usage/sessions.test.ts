import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  concludeTouch,
  planTouch,
  type RunningSession,
  type SessionOutcome,
  type SessionTouch,
  vanishesAt,
} from './sessions.ts';

const MINUTE = 60_000;
const SECONDS = 1_000_000;
const HOUR = 3_600 * SECONDS;
const INTERVAL = 5 * MINUTE;

const begun: RunningSession = {
  id: 'uses_1',
  startedAt: 0,
  lastSeenAt: 0,
  intervalMs: INTERVAL,
  chargedUntil: 0,
  deductions: 0,
};

type Touched = readonly [atMinutes: number, touch: SessionTouch];

/** Runs a session over a balance that nobody else uses. Amounts are in seconds. */
function run(touches: readonly Touched[], credit = HOUR) {
  let session: RunningSession | null = begun;
  let available = credit;
  let end: SessionOutcome['end'] = null;
  const entries: Record<string, number> = {};
  for (const [minutes, touch] of touches) {
    if (session === null) break;
    const plan = planTouch(session, touch, { now: minutes * MINUTE, available });
    if (plan === null) continue;
    const taken = plan.deductions.map(({ key, amount }) => {
      const part = Math.min(amount, available);
      available -= part;
      if (part > 0) entries[key] = part / SECONDS;
      return part;
    });
    const outcome: SessionOutcome = concludeTouch(session, plan, { taken, available });
    const { lastSeenAt, chargedUntil, deductions } = outcome;
    end = outcome.end;
    session = end === null ? { ...session, lastSeenAt, chargedUntil, deductions } : null;
  }
  return { entries, available: available / SECONDS, end, session };
}

describe('a session', () => {
  it('of 12 minutes with an interval of 5 deducts 720 seconds in three entries', () => {
    const { entries, end } = run([
      [5, 'heartbeat'],
      [10, 'heartbeat'],
      [12, 'end'],
    ]);
    expect(entries).toEqual({ 'session/uses_1/1': 300, 'session/uses_1/2': 300, 'session/uses_1/3': 120 });
    expect(end).toEqual({ at: 12 * MINUTE, code: 'ENDED' });
  });

  it('deducts the same whatever heartbeats came in between', () => {
    expect(run([[12, 'end']]).entries).toEqual({
      'session/uses_1/1': 300,
      'session/uses_1/2': 300,
      'session/uses_1/3': 120,
    });
  });

  it('owes nothing before an interval is over, and nothing when it ends at once', () => {
    expect(run([[4, 'heartbeat']]).entries).toEqual({});
    expect(run([[0, 'end']])).toMatchObject({ entries: {}, end: { code: 'ENDED' } });
  });

  it('that vanishes after 7 minutes is charged to its last heartbeat, whoever notices and when', () => {
    for (const [at, touch] of [
      [22, 'look'],
      [22, 'heartbeat'],
      [900, 'end'],
      [900, 'license_lost'],
    ] as const) {
      const { entries, end } = run([
        [5, 'heartbeat'],
        [7, 'heartbeat'],
        [at, touch],
      ]);
      expect(entries).toEqual({ 'session/uses_1/1': 300, 'session/uses_1/2': 120 });
      expect(end).toEqual({ at: 7 * MINUTE, code: 'VANISHED' });
    }
  });

  it('has not vanished a moment before three intervals are over', () => {
    expect(vanishesAt(begun)).toBe(15 * MINUTE);
    expect(run([[15 - 1 / MINUTE, 'look']])).toMatchObject({ end: null });
    expect(run([[15, 'look']])).toMatchObject({ entries: {}, end: { at: 0, code: 'VANISHED' } });
  });

  it('ends where the balance does: it takes what there is and no more', () => {
    const { entries, end, available } = run(
      [
        [5, 'heartbeat'],
        [6, 'heartbeat'],
        [8, 'heartbeat'],
        [10, 'heartbeat'],
      ],
      420 * SECONDS,
    );
    expect(entries).toEqual({ 'session/uses_1/1': 300, 'session/uses_1/2': 120 });
    expect(end).toEqual({ at: 7 * MINUTE, code: 'NO_CREDIT' });
    expect(available).toBe(0);
  });

  it('ends when exactly nothing is left, though nothing is missing', () => {
    expect(run([[5, 'heartbeat']], 300 * SECONDS)).toMatchObject({ end: { at: 5 * MINUTE, code: 'NO_CREDIT' } });
  });

  it('that its client ends is ended by its client, though it used the last second', () => {
    expect(run([[5, 'end']], 300 * SECONDS)).toMatchObject({ end: { code: 'ENDED' } });
    expect(run([[6, 'end']], 300 * SECONDS)).toMatchObject({ end: { at: 5 * MINUTE, code: 'NO_CREDIT' } });
  });

  it('goes on when more was there than was thought', () => {
    const plan = planTouch(begun, 'heartbeat', { now: 2 * MINUTE, available: 60 * SECONDS });
    expect(plan?.deductions).toEqual([{ key: 'session/uses_1/1', from: 0, amount: 120 * SECONDS }]);
    const went = concludeTouch(begun, plan ?? never(), { taken: [120 * SECONDS], available: 9 });
    expect(went).toEqual({
      lastSeenAt: 2 * MINUTE,
      chargedUntil: 2 * MINUTE,
      deductions: 1,
      taken: 120 * SECONDS,
      end: null,
    });
    const { lastSeenAt, chargedUntil, deductions } = went;
    const next = planTouch({ ...begun, lastSeenAt, chargedUntil, deductions }, 'heartbeat', {
      now: 5 * MINUTE,
      available: HOUR,
    });
    expect(next?.deductions).toEqual([{ key: 'session/uses_1/2', from: 2 * MINUTE, amount: 180 * SECONDS }]);
  });

  it('whose licence is lost is charged to its last heartbeat', () => {
    expect(
      run([
        [6, 'heartbeat'],
        [9, 'license_lost'],
      ]),
    ).toMatchObject({
      entries: { 'session/uses_1/1': 300, 'session/uses_1/2': 60 },
      end: { at: 6 * MINUTE, code: 'LICENSE_NOT_VALID' },
    });
  });

  it('is not set back by a clock that is behind', () => {
    const { session } = run([
      [7, 'heartbeat'],
      [6, 'heartbeat'],
    ]);
    expect(session).toMatchObject({ lastSeenAt: 7 * MINUTE, chargedUntil: 5 * MINUTE, deductions: 1 });
  });
});

const heartbeats = fc.array(fc.integer({ min: 1, max: 14 * MINUTE }), { maxLength: 20 }).map((gaps) => {
  let at = 0;
  return gaps.map((gap) => {
    at += gap;
    return at;
  });
});
const total = (entries: Record<string, number>) =>
  Math.round(Object.values(entries).reduce((sum, seconds) => sum + seconds, 0) * SECONDS);

describe('whatever the heartbeats', () => {
  it('what is deducted is the time until the end, as far as the balance went', () => {
    fc.assert(
      fc.property(heartbeats, fc.integer({ min: 0, max: 2 * HOUR }), (instants, credit) => {
        const last = instants.at(-1) ?? 0;
        const touches = instants.map((at): Touched => [at / MINUTE, 'heartbeat']);
        const { entries, available } = run([...touches, [last / MINUTE, 'end']], credit);
        expect(total(entries)).toBe(Math.min(last * 1_000, credit));
        expect(Math.round(available * SECONDS)).toBe(credit - total(entries));
      }),
    );
  });

  it('looks in between change nothing', () => {
    fc.assert(
      fc.property(heartbeats, fc.array(fc.nat(4 * 60 * MINUTE), { maxLength: 20 }), (instants, looks) => {
        const touches = instants.map((at): Touched => [at / MINUTE, 'heartbeat']);
        const end: Touched = [(instants.at(-1) ?? 0) / MINUTE + 20, 'heartbeat'];
        const looked = [...touches, end, ...looks.map((at): Touched => [at / MINUTE, 'look'])].toSorted(
          ([one], [other]) => one - other,
        );
        expect(run(looked, 100 * HOUR)).toEqual(run([...touches, end], 100 * HOUR));
      }),
    );
  });
});

function never(): never {
  throw new Error('There is a plan.');
}
