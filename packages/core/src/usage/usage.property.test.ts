import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Meter } from '../catalog/types.ts';
import { openLedger } from '../ledger/apply.ts';
import { proveBalance } from '../ledger/proof.ts';
import type { LedgerState, Transfer } from '../ledger/types.ts';
import { dayMs } from '../time.ts';
import { eventKey } from './batch.ts';
import { openUsage } from './book.ts';
import type { UsageTerms } from './terms.ts';
import type {
  CountedEvent,
  UsageAccount,
  UsageEvent,
  UsageOutcome,
  UsageOverage,
  UsageRequest,
  UsageReservation,
  UsageWindow,
} from './types.ts';
import { CALENDAR_MONTHS } from './window.ts';

const NOW = Date.UTC(2026, 4, 20);
const ACCOUNT = 'license/lic_1/shop/calls';
const METER: Meter = {
  id: 'calls',
  name: '',
  unit: 'call',
  kind: 'quantity',
  scale: 0,
  aggregation: 'sum',
  endpointCosts: [],
};
const RATE = { amountCents: 3, perUnits: 1, currency: 'usd' };
const NO_DETAILS = { method: null, route: null, durationMs: null, status: null, properties: null };

/** What a database would keep between batches. */
interface House {
  readonly ledger: LedgerState;
  readonly journal: readonly Transfer[];
  readonly windows: ReadonlyMap<number, UsageWindow>;
  readonly overages: ReadonlyMap<string, UsageOverage>;
  readonly counted: ReadonlyMap<string, CountedEvent>;
  readonly events: readonly UsageEvent[];
  readonly reservations: ReadonlyMap<string, UsageReservation>;
}

const EMPTY: House = {
  ledger: new Map(),
  journal: [],
  windows: new Map(),
  overages: new Map(),
  counted: new Map(),
  events: [],
  reservations: new Map(),
};

let batches = 0;

function granted(amount: number): House {
  const ledger = openLedger(EMPTY.ledger);
  if (amount > 0) {
    const what = { account: ACCOUNT, key: 'bought', amount, source: 'purchased', expiresAt: null, at: NOW } as const;
    ledger.apply({ type: 'grant', ...what });
  }
  const { state, transfers } = ledger.finish();
  return { ...EMPTY, ledger: state, journal: transfers.get(ACCOUNT) ?? [] };
}

function knownOf(house: House, now: number): UsageAccount {
  const beyond = new Map<number, number>();
  for (const { windowStart, status, expiresAt, overage, uncovered } of house.reservations.values()) {
    if (status !== 'live' || expiresAt <= now) continue;
    beyond.set(windowStart, (beyond.get(windowStart) ?? 0) + overage + uncovered);
  }
  return {
    anchor: CALENDAR_MONTHS,
    subscription: null,
    override: undefined,
    windows: [...house.windows.values()],
    overages: [...house.overages.values()],
    beyond,
    lapsedLots: new Map(),
  };
}

type Asked = (house: House) => UsageRequest;

function run(house: House, asked: readonly Asked[], now = NOW): { house: House; outcomes: UsageOutcome[] } {
  batches += 1;
  const ledger = openLedger(house.ledger);
  const accounts = new Map([[ACCOUNT, knownOf(house, now)]]);
  const book = openUsage({ ledger, batch: `b${batches}`, now, accounts, counted: house.counted });
  const outcomes = asked.map((one) => book.decide(one(house)));
  const changes = book.finish();
  const { state, transfers } = ledger.finish();
  const counted = new Map(house.counted);
  for (const event of changes.events) counted.set(eventKey(event.account, event.id), { ...event, reversed: 0 });
  for (const [key, amount] of changes.reversed) {
    const event = counted.get(key);
    if (event !== undefined) counted.set(key, { ...event, reversed: event.reversed + amount });
  }
  return {
    outcomes,
    house: {
      ledger: state,
      journal: [...house.journal, ...(transfers.get(ACCOUNT) ?? [])],
      windows: new Map([...house.windows, ...changes.windows.map((one) => [one.startsAt, one] as const)]),
      overages: new Map([
        ...house.overages,
        ...changes.overages.map((one) => [`${one.windowStart}/${one.rate}`, one] as const),
      ]),
      counted,
      events: [...house.events, ...changes.events],
      reservations: new Map([...house.reservations, ...changes.reservations.map((one) => [one.id, one] as const)]),
    },
  };
}

const standingOf = (terms: UsageTerms) => ({ account: ACCOUNT, meter: METER, terms });

const use =
  (
    terms: UsageTerms,
    { id, quantity, daysAgo, enforce }: { id: string; quantity: number; daysAgo: number; enforce: boolean },
  ): Asked =>
  () => ({ type: 'use', ...standingOf(terms), id, quantity, at: NOW - daysAgo * dayMs, enforce, details: NO_DETAILS });

const hold =
  (terms: UsageTerms, { id, quantity }: { id: string; quantity: number }): Asked =>
  () => ({ type: 'hold', ...standingOf(terms), reservation: `r-${id}`, quantity, expiresAt: NOW + dayMs });

const finalize =
  (terms: UsageTerms, reservation: UsageReservation, quantity: number): Asked =>
  () => ({ type: 'finalize', ...standingOf(terms), reservation, id: reservation.id, quantity, details: NO_DETAILS });

const release =
  (terms: UsageTerms, reservation: UsageReservation): Asked =>
  () => ({ type: 'release', ...standingOf(terms), reservation });

const ask =
  (terms: UsageTerms): Asked =>
  () => ({ type: 'ask', ...standingOf(terms), quantity: 1 });

const correct =
  (terms: UsageTerms, event: UsageEvent, quantity?: number): Asked =>
  () => ({ type: 'correct', ...standingOf(terms), id: `undo-${event.id}`, event, quantity });

const terms = fc.record({
  plan: fc.constant('pro'),
  limit: fc.constantFrom('hard' as const, 'overage' as const, 'soft' as const, 'prepaid' as const),
  included: fc.integer({ min: 0, max: 40 }),
  ceiling: fc.constant(null),
  rate: fc.constant(RATE),
});

const uses = fc.array(
  fc.record({
    id: fc.integer({ min: 0, max: 40 }).map((number) => `e${number}`),
    quantity: fc.integer({ min: 1, max: 9 }),
    // Of this month and of the month before.
    daysAgo: fc.constantFrom(0, 3, 25, 30),
    enforce: fc.boolean(),
  }),
  { maxLength: 40 },
);
const bought = fc.integer({ min: 0, max: 30 });

/** The account with everything that must hold of it at any time. */
function assertProven({ ledger, journal, windows, events, overages }: House): void {
  const account = ledger.get(ACCOUNT);
  if (account !== undefined) {
    expect(
      proveBalance(
        journal.map((transfer) => ({ account: ACCOUNT, transfer })),
        [account],
      ),
    ).toEqual([]);
    for (const figure of Object.values(account.balance)) expect(figure).toBeGreaterThanOrEqual(0);
  }
  const sums = { recorded: 0, covered: 0, overage: 0, uncovered: 0 };
  for (const window of windows.values()) {
    for (const name of ['recorded', 'covered', 'overage', 'uncovered'] as const) sums[name] += window[name];
    expect(window.recorded).toBe(window.covered + window.overage + window.uncovered);
  }
  const sumOf = (of: (event: UsageEvent) => number) => events.reduce((sum, event) => sum + of(event), 0);
  expect(sums).toEqual({
    recorded: sumOf(({ quantity }) => quantity),
    covered: sumOf(({ covered }) => covered),
    overage: sumOf(({ overage }) => overage),
    uncovered: sumOf(({ uncovered }) => uncovered),
  });
  // What is covered was taken from the balance, or had lapsed and was used late.
  const lapsed = [...windows.values()].reduce((sum, window) => sum + window.lapsed, 0);
  expect((account?.balance.used ?? 0) + lapsed).toBe(sums.covered);
  let billed = 0;
  for (const { units } of overages.values()) billed += units;
  expect(billed).toBe(sums.overage);
}

/** What must not depend on how requests came in batches: everything but the numbers of entries and the names of operations. */
function figures({ ledger, windows, overages, events }: House) {
  const parts = events.map(({ operation: _operation, ...rest }) => rest);
  return {
    balance: ledger.get(ACCOUNT)?.balance,
    windows: [...windows.values()].sort((one, other) => one.startsAt - other.startsAt),
    overages: [...overages.values()],
    events: parts,
  };
}

describe('any history of use', () => {
  it('comes to the same in one batch and in two halves', () => {
    fc.assert(
      fc.property(terms, uses, bought, fc.nat(), (plan, list, amount, cut) => {
        const asked = list.map((one) => use(plan, one));
        const middle = asked.length === 0 ? 0 : cut % (asked.length + 1);
        const whole = run(granted(amount), asked);
        const first = run(granted(amount), asked.slice(0, middle));
        const second = run(first.house, asked.slice(middle));
        expect(figures(second.house)).toEqual(figures(whole.house));
        const codes = (outcomes: readonly UsageOutcome[]) =>
          outcomes.map(({ code, remaining }) => ({ code, remaining }));
        expect(codes([...first.outcomes, ...second.outcomes])).toEqual(codes(whole.outcomes));
      }),
    );
  });

  it('is proven by its entries and its events, with reservations that are used, given up or forgotten', () => {
    fc.assert(
      fc.property(terms, uses, bought, (plan, list, amount) => {
        let { house } = run(granted(amount), []);
        for (const [index, one] of list.entries()) {
          house = run(house, [use(plan, one), hold(plan, { id: `${index}`, quantity: one.quantity })]).house;
          assertProven(house);
          const reservation = house.reservations.get(`r-${index}`);
          if (reservation === undefined) continue;
          if (index % 3 === 0) house = run(house, [release(plan, reservation)]).house;
          if (index % 3 === 1) house = run(house, [finalize(plan, reservation, Math.ceil(one.quantity / 2))]).house;
          assertProven(house);
        }
        // Once the last of them has run out, nothing is held any more.
        const later = run(house, [ask(plan)], NOW + 2 * dayMs).house;
        assertProven(later);
        expect(later.ledger.get(ACCOUNT)?.balance.reserved ?? 0).toBe(0);
      }),
    );
  });

  it('counts each id once, whatever comes again and in which order', () => {
    fc.assert(
      fc.property(terms, uses, bought, (plan, list, amount) => {
        const asked = list.map((one) => use(plan, one));
        const before = run(granted(amount), asked).house;
        const again = run(before, asked.filter((one) => before.counted.has(eventKey(ACCOUNT, idOf(one)))).toReversed());
        expect(again.outcomes.every(({ code }) => code.startsWith('exists'))).toBe(true);
        expect(figures(again.house)).toEqual(figures(before));
      }),
    );
  });

  it('comes to the same totals in any order where nothing is refused', () => {
    fc.assert(
      fc.property(terms, uses, bought, fc.nat(), (plan, list, amount, seed) => {
        const byId = [...new Map(list.map((one) => [one.id, { ...one, daysAgo: 0, enforce: false }])).values()];
        const shuffled = byId.toSorted((one, other) => hashOf(one.id, seed) - hashOf(other.id, seed));
        const totals = (ones: typeof byId) => {
          const { house } = run(
            granted(amount),
            ones.map((one) => use(plan, one)),
          );
          return {
            balance: house.ledger.get(ACCOUNT)?.balance,
            windows: [...house.windows.values()],
            overages: [...house.overages.values()],
          };
        };
        expect(totals(shuffled)).toEqual(totals(byId));
      }),
    );
  });

  it('never takes more than there is in any window where limits are enforced', () => {
    fc.assert(
      fc.property(terms, uses, bought, (plan, list, amount) => {
        const enforced = list.map((one) => use(plan, { ...one, enforce: true }));
        const { house } = run(granted(amount), enforced);
        for (const window of house.windows.values()) {
          expect(window.covered).toBeLessThanOrEqual(plan.included + amount);
          if (plan.limit === 'hard' || plan.limit === 'prepaid') expect(window.recorded).toBe(window.covered);
        }
      }),
    );
  });

  it('is undone by corrections, down to the balance', () => {
    fc.assert(
      fc.property(terms, uses, bought, fc.integer({ min: 1, max: 9 }), (plan, list, amount, part) => {
        let { house } = run(
          granted(amount),
          list.map((one) => use(plan, { ...one, daysAgo: 0, enforce: false })),
        );
        const untouched = run(granted(amount), [
          use(plan, { id: 'none', quantity: 1, daysAgo: 0, enforce: false }),
        ]).house;
        for (const event of house.events) {
          // In two parts, where there are two.
          const some = Math.min(part, event.quantity);
          house = run(house, [correct(plan, { ...event, id: event.id }, some)]).house;
          if (some < event.quantity)
            house = run(house, [(now) => ({ ...correct(plan, event)(now), id: `rest-${event.id}` })]).house;
          assertProven(house);
        }
        for (const window of house.windows.values()) {
          expect(window).toMatchObject({ recorded: 0, covered: 0, overage: 0, uncovered: 0 });
        }
        if (house.events.length > 0) {
          const { available, used } = house.ledger.get(ACCOUNT)?.balance ?? { available: 0, used: 0 };
          const whole = untouched.ledger.get(ACCOUNT)?.balance ?? { available: 0, used: 0 };
          expect({ available, used }).toEqual({ available: whole.available + whole.used, used: 0 });
        }
      }),
    );
  });
});

function idOf(asked: Asked): string {
  const request = asked(EMPTY);
  return request.type === 'use' ? request.id : '';
}

function hashOf(text: string, seed: number): number {
  let hash = seed % 65_521;
  for (const character of text) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return hash;
}
