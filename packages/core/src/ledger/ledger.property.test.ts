import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyOperations } from './apply.ts';
import { proveBalance } from './proof.ts';
import type { LedgerOperation, LedgerState, Transfer } from './types.ts';

// Small pools, so that operations meet: the same keys, the same lots, the same instants.
const account = fc.constantFrom('a', 'b');
const key = fc.integer({ min: 0, max: 40 }).map((number) => `k${number}`);
const amount = fc.integer({ min: 1, max: 12 });
const reservation = fc.integer({ min: 0, max: 8 }).map((number) => `r${number}`);
const instant = fc.integer({ min: 0, max: 30 });
const some = fc.option(amount, { nil: undefined });

const asked = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('grant' as const),
      amount,
      source: fc.constantFrom('included' as const, 'granted' as const, 'purchased' as const),
      priority: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
      expiresAt: fc.option(instant, { nil: null }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('consume' as const),
      amount,
      whenShort: fc.constantFrom('refuse' as const, 'take' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('reserve' as const), reservation, amount, expiresAt: instant }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('post' as const), reservation, amount: some }) },
  fc.record({ type: fc.constant('void' as const), reservation }),
  fc.record({ type: fc.constant('clawback' as const), lot: key, amount: some }),
  fc.record({ type: fc.constant('correct' as const), amount }),
  fc.record({ type: fc.constant('reverse' as const), of: key, amount: some }),
);

/** Operations in the order of their time. */
const operations = fc
  .array(fc.tuple(account, key, instant, asked), { maxLength: 60, size: 'max' })
  .map((all) =>
    all
      .toSorted(([, , one], [, , other]) => one - other)
      .map(([of, name, at, what]) => withoutUndefined({ account: of, key: name, at, ...what }) as LedgerOperation),
  );

function withoutUndefined(record: object): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

const nothing: LedgerState = new Map();

interface Journaled {
  account: string;
  transfer: Transfer;
}

function journalOf(all: readonly LedgerOperation[]) {
  let state = nothing;
  const journal: Journaled[] = [];
  for (const operation of all) {
    const applied = applyOperations(state, [operation]);
    for (const [of, made] of applied.transfers) journal.push(...made.map((transfer) => ({ account: of, transfer })));
    state = applied.state;
  }
  return { state, journal };
}

describe('any operations in any order', () => {
  it('add up at every moment, in every account and every lot, and nothing is ever below zero', () => {
    fc.assert(
      fc.property(operations, (all) => {
        let state = nothing;
        const journal: Journaled[] = [];
        for (const operation of all) {
          const applied = applyOperations(state, [operation]);
          for (const [of, made] of applied.transfers)
            journal.push(...made.map((transfer) => ({ account: of, transfer })));
          state = applied.state;
          expect(proveBalance(journal, state.values())).toEqual([]);
          for (const { balance } of state.values()) {
            expect(Math.min(...Object.values(balance))).toBeGreaterThanOrEqual(0);
            const { granted, returned, available, reserved, used, expired } = balance;
            expect(granted - returned).toBe(available + reserved + used + expired);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('come to the same in one run as in any two', () => {
    fc.assert(
      fc.property(operations, fc.nat(60), (all, cut) => {
        const whole = applyOperations(nothing, all);
        const first = applyOperations(nothing, all.slice(0, cut));
        const second = applyOperations(first.state, all.slice(cut));
        expect(second.state).toEqual(whole.state);
        expect([...first.outcomes, ...second.outcomes]).toEqual(whole.outcomes);
      }),
      { numRuns: 300 },
    );
  });

  it('change nothing when they all come again, and each answers that it was there', () => {
    fc.assert(
      fc.property(operations, (all) => {
        const { state, outcomes } = applyOperations(nothing, all);
        const done = all.filter((_, index) => outcomes[index]?.code === 'done');
        const again = applyOperations(state, done);
        expect(again.outcomes.map(({ code }) => code)).toEqual(done.map(() => 'exists'));
        expect(again.state).toEqual(state);
      }),
      { numRuns: 200 },
    );
  });

  it('answer that the amount is another where only that differs', () => {
    fc.assert(
      fc.property(operations, fc.integer({ min: 20, max: 30 }), (all, other) => {
        const { state, outcomes } = applyOperations(nothing, all);
        const changed = all.flatMap((operation, index) =>
          outcomes[index]?.code === 'done' && operation.type === 'consume' ? [{ ...operation, amount: other }] : [],
        );
        const again = applyOperations(state, changed);
        expect(again.outcomes.every(({ code }) => code === 'exists_with_different_amount')).toBe(true);
        expect(again.state).toEqual(state);
      }),
    );
  });

  it('of one account do not concern another', () => {
    fc.assert(
      fc.property(operations, (all) => {
        const together = applyOperations(nothing, all).state;
        for (const of of ['a', 'b']) {
          const alone = applyOperations(
            nothing,
            all.filter((operation) => operation.account === of),
          ).state;
          expect(together.get(of)).toEqual(alone.get(of));
        }
      }),
    );
  });

  it('never say yes to more than there is: what was done is what a count unit by unit allows', () => {
    const simple = operations.map((all) =>
      all.filter(({ type, account: of }) => (type === 'grant' || type === 'consume') && of === 'a'),
    );
    fc.assert(
      fc.property(simple, (all) => {
        const { outcomes, state } = applyOperations(nothing, all);
        const model = unitByUnit(all);
        expect(outcomes.map(({ amount: moved }) => moved)).toEqual(model.moved);
        const lots = [...(state.get('a')?.lots.values() ?? [])].map(({ id, used }) => [id, used]);
        expect(Object.fromEntries(lots)).toEqual(model.used);
      }),
      { numRuns: 300 },
    );
  });
});

/** The naive ledger: every unit is a thing of its own, and each use picks the best one, one at a time. */
function unitByUnit(all: readonly LedgerOperation[]) {
  const units: { lot: string; rank: number[]; end: number; used: boolean }[] = [];
  const seen = new Map<string, { type: string; asked: number; moved: number }>();
  const used: Record<string, number> = {};
  const priorities = { included: 10, granted: 20, purchased: 30 };
  const moved = all.map((operation, age) => {
    if (operation.type !== 'grant' && operation.type !== 'consume') return 0;
    const before = seen.get(operation.key);
    if (before !== undefined) {
      return before.type === operation.type && before.asked === operation.amount ? before.moved : 0;
    }
    const note = (count: number) => {
      if (count > 0) seen.set(operation.key, { type: operation.type, asked: operation.amount, moved: count });
      return count;
    };
    if (operation.type === 'grant') {
      const end = operation.expiresAt ?? Number.POSITIVE_INFINITY;
      const rank = [operation.priority ?? priorities[operation.source], end, age];
      for (let unit = 0; unit < operation.amount; unit += 1) units.push({ lot: operation.key, rank, end, used: false });
      used[operation.key] = 0;
      return note(operation.amount);
    }
    const free = () => units.filter((unit) => !unit.used && unit.end > operation.at);
    if (free().length < operation.amount && operation.whenShort !== 'take') return 0;
    let count = 0;
    while (count < operation.amount) {
      let best: (typeof units)[number] | undefined;
      for (const unit of free()) if (best === undefined || isBefore(unit.rank, best.rank)) best = unit;
      if (best === undefined) break;
      best.used = true;
      used[best.lot] = (used[best.lot] ?? 0) + 1;
      count += 1;
    }
    return note(count);
  });
  return { moved, used };
}

function isBefore(one: readonly number[], other: readonly number[]): boolean {
  for (const [index, value] of one.entries()) {
    const against = other[index] ?? 0;
    if (value !== against) return value < against;
  }
  return false;
}

describe('the proof', () => {
  const operationsThatMove = operations.filter((all) => journalOf(all).journal.length > 1);

  it('finds a transfer that is missing, doubled or has another amount', () => {
    fc.assert(
      fc.property(
        operationsThatMove,
        fc.nat(),
        fc.constantFrom('missing', 'doubled', 'amount'),
        (all, pick, damage) => {
          const { state, journal } = journalOf(all);
          const index = pick % journal.length;
          const damaged = journal.flatMap((entry, at): Journaled[] => {
            if (at !== index) return [entry];
            if (damage === 'missing') return [];
            if (damage === 'doubled') return [entry, entry];
            return [{ ...entry, transfer: { ...entry.transfer, amount: entry.transfer.amount + 1 } }];
          });
          expect(proveBalance(damaged, state.values())).not.toEqual([]);
        },
      ),
    );
  });

  it('finds a balance, a lot or a reservation that was changed behind its back', () => {
    const { state, journal } = journalOf([
      { type: 'grant', account: 'a', key: 'g', at: 0, amount: 10, source: 'granted', expiresAt: null },
      { type: 'reserve', account: 'a', key: 'r', at: 0, amount: 4, reservation: 'held', expiresAt: 9 },
    ]);
    const stored = state.get('a');
    const lot = stored?.lots.get('g');
    const held = stored?.reservations.get('held');
    if (stored === undefined || lot === undefined || held === undefined) throw new Error('nothing was granted');
    const richer = { ...stored, balance: { ...stored.balance, available: 7, granted: 11 } };
    const fuller = { ...stored, lots: new Map([['g', { ...lot, remaining: 5, reserved: 5 }]]) };
    const freed = { ...stored, reservations: new Map([['held', { ...held, status: 'voided' as const }]]) };
    expect(proveBalance(journal, [stored])).toEqual([]);
    for (const wrong of [richer, fuller, freed]) expect(proveBalance(journal, [wrong])).not.toEqual([]);
    expect(proveBalance(journal, [])).not.toEqual([]);
  });
});
