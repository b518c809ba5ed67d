import { describe, expect, it } from 'vitest';
import { applyOperations } from './apply.ts';
import { accountAt, pendingAt } from './settle.ts';
import type { GrantOperation, LedgerCode, LedgerOperation, LedgerState } from './types.ts';

const ACCOUNT = 'license/lic_1/calls';

type Without<T> = T extends LedgerOperation ? Omit<T, 'account' | 'at' | 'key'> & { at?: number; key?: string } : never;
type Asked = Without<LedgerOperation>;

let keys = 0;
const named = (asked: Asked): LedgerOperation => {
  keys += 1;
  return { account: ACCOUNT, at: 0, key: `key-${keys}`, ...asked };
};

const run = (...asked: Asked[]) => {
  const { state, outcomes, transfers } = applyOperations(new Map(), asked.map(named));
  const account = state.get(ACCOUNT);
  return { state, outcomes, account, balance: account?.balance, transfers: transfers.get(ACCOUNT) ?? [] };
};

const more = (state: LedgerState, ...asked: Asked[]) => applyOperations(state, asked.map(named));

const grant = (amount: number, given: Partial<GrantOperation> = {}): Asked => ({
  type: 'grant',
  amount,
  source: 'granted',
  expiresAt: null,
  ...given,
});
const consume = (amount: number, given: object = {}): Asked => ({ type: 'consume', amount, ...given });
const reserve = (reservation: string, amount: number, expiresAt = 1_000): Asked => ({
  type: 'reserve',
  reservation,
  amount,
  expiresAt,
});
const codes = (outcomes: readonly { code: LedgerCode }[]) => outcomes.map(({ code }) => code);

describe('using what was given', () => {
  it('takes it from the balance, to the last step', () => {
    const { outcomes, balance } = run(grant(10), consume(4), consume(6), consume(1));
    expect(codes(outcomes)).toEqual(['done', 'done', 'done', 'insufficient']);
    expect(balance).toEqual({ granted: 10, returned: 0, available: 0, reserved: 0, used: 10, expired: 0 });
  });

  it('takes nothing where not all of it is there, and says how much is', () => {
    const { outcomes, balance } = run(grant(10), consume(11));
    expect(outcomes[1]).toMatchObject({ code: 'insufficient', amount: 0, requested: 11, available: 10 });
    expect(outcomes[1]?.because).toMatchObject([{ rule: 'balance', passed: false }]);
    expect(balance?.available).toBe(10);
  });

  it('takes what is left where the caller wants it so, and nothing where nothing is', () => {
    const { outcomes } = run(grant(10), consume(12, { whenShort: 'take' }), consume(1, { whenShort: 'take' }));
    expect(outcomes[1]).toMatchObject({ code: 'done', amount: 10, requested: 12, available: 0 });
    expect(outcomes[2]?.code).toBe('insufficient');
  });

  it('leaves no account behind where there was none', () => {
    const { outcomes, account } = run(consume(1));
    expect(outcomes[0]).toMatchObject({ code: 'insufficient', available: 0 });
    expect(account).toBeUndefined();
  });

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e308, 2 ** 53])('refuses an amount of %d', (amount) => {
    const { outcomes, balance } = run(grant(5), consume(amount), grant(amount), reserve('r', amount));
    expect(codes(outcomes)).toEqual(['done', 'invalid_amount', 'invalid_amount', 'invalid_amount']);
    expect(balance?.available).toBe(5);
  });

  it('holds no more than can be counted exactly', () => {
    const { outcomes } = run(grant(Number.MAX_SAFE_INTEGER), consume(5), grant(1));
    expect(codes(outcomes)).toEqual(['done', 'done', 'too_large']);
  });
});

describe('lots', () => {
  it('are used by priority, then by what ends sooner, then by age', () => {
    const { transfers } = run(
      grant(1, { key: 'paid', source: 'purchased' }),
      grant(1, { key: 'old' }),
      grant(1, { key: 'young' }),
      grant(1, { key: 'ending', expiresAt: 50 }),
      grant(1, { key: 'included', source: 'included', expiresAt: 90 }),
      grant(1, { key: 'first', priority: 1 }),
      consume(6),
    );
    const order = transfers.at(-1)?.parts.map(({ lot }) => lot);
    expect(order).toEqual(['first', 'included', 'ending', 'old', 'young', 'paid']);
  });

  it('cannot be used from the instant on at which they end', () => {
    const { state } = run(grant(3, { expiresAt: 100 }), grant(2));
    expect(codes(more(state, consume(5, { at: 99 })).outcomes)).toEqual(['done']);
    const late = more(state, consume(3, { at: 100 }), consume(2, { at: 100 }));
    expect(codes(late.outcomes)).toEqual(['insufficient', 'done']);
    expect(late.state.get(ACCOUNT)?.balance).toMatchObject({ expired: 3, used: 2, available: 0 });
  });

  it('that ended are not counted by who only looks, and nothing is written then', () => {
    const { account } = run(grant(3, { expiresAt: 100 }));
    if (account === undefined) throw new Error('no account');
    expect(accountAt(account, 100).balance).toMatchObject({ available: 0, expired: 3 });
    expect(pendingAt(account, 100)).toMatchObject([{ number: 2, kind: 'lot_expired', amount: 3, availableAfter: 0 }]);
    expect(pendingAt(account, 99)).toEqual([]);
    expect(account.balance).toMatchObject({ available: 3, expired: 0 });
  });

  it('that are granted after their end lapse at once', () => {
    const { balance } = run(grant(3, { at: 200, expiresAt: 100 }));
    expect(balance).toMatchObject({ granted: 3, available: 0, expired: 3 });
  });
});

describe('reservations', () => {
  it('hold back, and what is posted of them is used while the rest comes back', () => {
    const { outcomes, balance } = run(grant(10), reserve('r', 6), consume(5), {
      type: 'post',
      reservation: 'r',
      amount: 2,
    });
    expect(codes(outcomes)).toEqual(['done', 'done', 'insufficient', 'done']);
    expect(balance).toMatchObject({ available: 8, reserved: 0, used: 2 });
  });

  it('are posted as a whole where no amount is named', () => {
    const { balance } = run(grant(10), reserve('r', 6), { type: 'post', reservation: 'r' });
    expect(balance).toMatchObject({ available: 4, reserved: 0, used: 6 });
  });

  it('are given back by a void, or by themselves when their time is over', () => {
    const { state } = run(grant(10), reserve('r', 6), reserve('s', 4, 500));
    const after = more(state, { type: 'void', reservation: 'r' }, consume(10, { at: 500 }));
    expect(codes(after.outcomes)).toEqual(['done', 'done']);
    expect(after.state.get(ACCOUNT)?.reservations.get('s')?.status).toBe('expired');
  });

  it('end once, whichever end came first', () => {
    const { state } = run(grant(10), reserve('r', 1), reserve('s', 1), reserve('t', 1, 500));
    const { outcomes } = more(
      state,
      { type: 'post', reservation: 'r' },
      { type: 'void', reservation: 'r' },
      { type: 'void', reservation: 's' },
      { type: 'post', reservation: 's' },
      { type: 'post', reservation: 't', at: 500 },
      { type: 'post', reservation: 'nobody’s' },
    );
    expect(codes(outcomes)).toEqual([
      'done',
      'reservation_closed',
      'done',
      'reservation_closed',
      'reservation_closed',
      'reservation_missing',
    ]);
  });

  it('cannot be posted beyond what they hold', () => {
    const { outcomes, balance } = run(grant(10), reserve('r', 6), { type: 'post', reservation: 'r', amount: 7 });
    expect(outcomes[2]?.code).toBe('exceeds_reservation');
    expect(balance).toMatchObject({ available: 4, reserved: 6 });
  });

  it('bring nothing back to life: what came from a lot that ended lapses', () => {
    const { balance } = run(grant(3, { expiresAt: 100 }), reserve('r', 3), { type: 'void', reservation: 'r', at: 200 });
    expect(balance).toMatchObject({ available: 0, reserved: 0, expired: 3 });
  });

  it('may come back to a lot that ended more than once', () => {
    const { balance, outcomes } = run(
      grant(3, { expiresAt: 100 }),
      reserve('r', 1),
      reserve('s', 1),
      { type: 'void', reservation: 'r', at: 200 },
      { type: 'void', reservation: 's', at: 300 },
    );
    expect(codes(outcomes)).toEqual(['done', 'done', 'done', 'done', 'done']);
    expect(balance).toMatchObject({ available: 0, reserved: 0, expired: 3 });
  });
});

describe('what is taken back', () => {
  it('is what is left of the lot, and never more', () => {
    const { outcomes, balance } = run(grant(10, { key: 'pack', source: 'purchased' }), grant(5), consume(8), {
      type: 'clawback',
      lot: 'pack',
    });
    // The five that were given are used first, so three of the pack are.
    expect(outcomes[3]).toMatchObject({ code: 'done', amount: 7, requested: 10 });
    expect(balance).toMatchObject({ granted: 15, returned: 7, available: 0, used: 8 });
  });

  it('does not come back with a reservation that is given up later', () => {
    const { balance } = run(
      grant(10, { key: 'pack', source: 'purchased' }),
      reserve('r', 4),
      { type: 'clawback', lot: 'pack' },
      { type: 'void', reservation: 'r' },
    );
    expect(balance).toMatchObject({ available: 0, reserved: 0, returned: 6, expired: 4 });
  });

  it('may be a part, and then the rest goes on', () => {
    const { balance } = run(grant(10, { key: 'pack' }), { type: 'clawback', lot: 'pack', amount: 4 }, consume(6));
    expect(balance).toMatchObject({ returned: 4, used: 6, available: 0 });
  });

  it('is noted once even where nothing was left', () => {
    const clawback: Asked = { type: 'clawback', lot: 'pack', key: 'refund' };
    const { outcomes } = run(grant(10, { key: 'pack' }), consume(10), clawback, clawback);
    expect(outcomes[2]).toMatchObject({ code: 'done', amount: 0, requested: 10 });
    expect(outcomes[3]).toMatchObject({ code: 'exists', amount: 0, requested: 10 });
  });

  it('by a correction is all of what is asked for, or nothing', () => {
    const { outcomes, balance } = run(grant(10), { type: 'correct', amount: 11 }, { type: 'correct', amount: 4 });
    expect(codes(outcomes)).toEqual(['done', 'insufficient', 'done']);
    expect(balance).toMatchObject({ returned: 4, available: 6 });
  });
});

describe('a use that is undone', () => {
  it('goes back to the lots it came from, the last first, and not twice', () => {
    const undo = (amount: number): Asked => ({ type: 'reverse', of: 'use', amount });
    const { outcomes, account } = run(
      grant(2, { key: 'a' }),
      grant(5, { key: 'b' }),
      consume(4, { key: 'use' }),
      undo(3),
      undo(2),
      undo(1),
      { type: 'reverse', of: 'use' },
    );
    expect(codes(outcomes)).toEqual(['done', 'done', 'done', 'done', 'exceeds_use', 'done', 'exceeds_use']);
    expect(account?.lots.get('a')?.remaining).toBe(2);
    expect(account?.lots.get('b')?.remaining).toBe(5);
  });

  it('in part goes back to the lot that was used last', () => {
    const used = run(grant(2, { key: 'a' }), grant(5, { key: 'b' }), consume(4, { key: 'use' }));
    const lots = more(used.state, { type: 'reverse', of: 'use', amount: 3 }).state.get(ACCOUNT)?.lots;
    expect([lots?.get('a')?.remaining, lots?.get('b')?.remaining]).toEqual([1, 5]);
  });

  it('must have been a use', () => {
    const { outcomes } = run(grant(2, { key: 'a' }), { type: 'reverse', of: 'a' }, { type: 'reverse', of: 'none' });
    expect(codes(outcomes)).toEqual(['done', 'use_missing', 'use_missing']);
  });
});

describe('the same operation again', () => {
  it.each<[string, Asked]>([
    ['grant', grant(3, { key: 'again' })],
    ['consume', consume(3, { key: 'again' })],
    ['reserve', { ...reserve('r', 3), key: 'again' }],
    ['post', { type: 'post', reservation: 'held', key: 'again' }],
    ['void', { type: 'void', reservation: 'held', key: 'again' }],
    ['clawback', { type: 'clawback', lot: 'lot', amount: 3, key: 'again' }],
    ['correct', { type: 'correct', amount: 3, key: 'again' }],
    ['reverse', { type: 'reverse', of: 'use', amount: 3, key: 'again' }],
  ])('changes nothing and answers what it did: %s', (_, operation) => {
    const { state } = run(grant(20, { key: 'lot' }), consume(4, { key: 'use' }), reserve('held', 3));
    const once = more(state, operation);
    const twice = more(once.state, operation);
    expect(once.outcomes[0]).toMatchObject({ code: 'done', amount: 3, requested: 3 });
    expect(twice.outcomes[0]).toMatchObject({ code: 'exists', amount: 3, requested: 3 });
    expect(twice.outcomes[0]?.subject).toBe(once.outcomes[0]?.subject);
    expect(twice.state.get(ACCOUNT)).toBe(once.state.get(ACCOUNT));
  });

  it('is told apart from another amount and from another thing under its key', () => {
    const { outcomes } = run(grant(10), consume(3, { key: 'k' }), consume(4, { key: 'k' }), {
      type: 'correct',
      amount: 3,
      key: 'k',
    });
    expect(codes(outcomes).slice(2)).toEqual(['exists_with_different_amount', 'exists_as_another_operation']);
  });

  it('is found again by another id of its reservation, and answers the first', () => {
    const { outcomes } = run(grant(10), { ...reserve('first', 3), key: 'k' }, { ...reserve('second', 3), key: 'k' });
    expect(outcomes[2]).toMatchObject({ code: 'exists', subject: 'first' });
  });

  it('may succeed where it was refused before', () => {
    const { outcomes } = run(consume(1, { key: 'k' }), grant(1), consume(1, { key: 'k' }));
    expect(codes(outcomes)).toEqual(['insufficient', 'done', 'done']);
  });
});
