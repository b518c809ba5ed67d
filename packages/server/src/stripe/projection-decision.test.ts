import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldStates } from './fold.ts';
import {
  decideProjection,
  decideWithoutStripe,
  type IncomingState,
  type ObjectState,
  withoutOvertaken,
} from './projection-decision.ts';
import type { MirroredType } from './shapes.ts';

const second = 1_000;
const base = Date.UTC(2026, 0, 1);
const sub = (status: string) => ({ id: 'sub_1', object: 'subscription', status });
const state = (status: string, atSeconds: number, deleted = false): ObjectState => ({
  object: sub(status),
  asOf: new Date(base + atSeconds * second),
  deleted,
});
const event = (...args: Parameters<typeof state>): IncomingState => ({ ...state(...args), source: 'event' });
const answer = (...args: Parameters<typeof state>): IncomingState => ({ ...state(...args), source: 'answer' });

describe('what is heard of an object', () => {
  const known = state('active', 100);
  const gone = state('canceled', 100, true);
  it.each([
    ['of which nothing is known is taken over', null, event('active', 1), 'apply'],
    ['of a later second is taken over', known, event('past_due', 101), 'apply'],
    ['of a later second with the same content only moves the time', known, event('active', 101), 'confirm'],
    ['of the same second with the same content is nothing new', known, event('active', 100), 'ignore'],
    ['of the same second with other content only Stripe can tell', known, event('past_due', 100), 'fetch'],
    [
      'of a little earlier only Stripe can tell, since an answer may have been under way',
      known,
      event('past_due', 95),
      'fetch',
    ],
    ['of a little earlier with the same content is nothing new', known, event('active', 95), 'ignore'],
    ['of surely earlier is nothing new', known, event('past_due', 89), 'ignore'],
    ['of being gone is taken over, whenever it was', known, event('canceled', 1, true), 'apply'],
    ['of being there is nothing new when it is gone, whenever it was', gone, event('active', 900), 'ignore'],
    [
      'after it was gone is taken over when it is gone in another way',
      gone,
      event('incomplete_expired', 101, true),
      'apply',
    ],
    ['by an answer of much later is taken over', known, answer('past_due', 111), 'apply'],
    ['by an answer dated a little later only another answer can tell', known, answer('past_due', 105), 'fetch'],
    ['by an answer dated the same second only another answer can tell', known, answer('past_due', 100), 'fetch'],
    ['by an answer dated long before means that the clocks differ', known, answer('past_due', 1), 'fetch'],
    ['by an answer with the same content is nothing new', known, answer('active', 99), 'ignore'],
  ] as const)('%s', (_what, before, heard, decision) => {
    expect(decideProjection(before, heard)).toBe(decision);
  });
});

describe('a status that an object never comes back to', () => {
  const invoice = (status: string, atSeconds: number, attempt_count = 0) => ({
    object: { id: 'in_1', object: 'invoice', status, attempt_count },
    asOf: new Date(base + atSeconds * second),
    deleted: false,
  });
  const heard = (...args: Parameters<typeof invoice>): IncomingState => ({ ...invoice(...args), source: 'event' });
  it.each([
    ['a later stage of the same second is taken over', invoice('open', 100), heard('paid', 100), 'apply'],
    ['an earlier stage of the same second is nothing new', invoice('paid', 100), heard('open', 100), 'ignore'],
    ['an earlier stage of a little earlier is nothing new', invoice('paid', 100), heard('draft', 95), 'ignore'],
    ['a later stage of a little earlier: one of the clocks is wrong', invoice('open', 100), heard('paid', 95), 'fetch'],
    ['another content of the same stage and second', invoice('open', 100, 1), heard('open', 100, 2), 'fetch'],
    ['a status that is new at Stripe', invoice('open', 100), heard('something_new', 100), 'fetch'],
    ['statuses that may follow one another either way', state('active', 100), event('past_due', 100), 'fetch'],
    [
      'an incomplete subscription of the second in which it became active',
      state('active', 100),
      event('incomplete', 100),
      'ignore',
    ],
  ] as const)('%s', (_what, known, incoming, decision) => {
    expect(decideProjection(known, incoming)).toBe(decision);
  });

  it('settles every second in which it is reached, in whatever order it is heard, and never wrongly', () => {
    const stages = ['draft', 'open', 'uncollectible', 'paid'];
    const life = fc
      .array(fc.record({ stage: fc.nat(3), at: fc.nat(4) }), { minLength: 1, maxLength: 8 })
      .map((steps) => {
        const sorted = (values: number[]) => values.toSorted((one, other) => one - other);
        const [statuses, times] = [sorted(steps.map(({ stage }) => stage)), sorted(steps.map(({ at }) => at))];
        return steps.map((_, index) => heard(stages[statuses[index] ?? 0] ?? '', times[index] ?? 0, index));
      })
      .chain((truth) =>
        fc.tuple(fc.constant(truth), fc.shuffledSubarray([...truth, ...truth], { minLength: truth.length * 2 })),
      );
    fc.assert(
      fc.property(life, ([truth, order]) => {
        const byTime = withoutOvertaken(order).toSorted((one, other) => one.asOf.getTime() - other.asOf.getTime());
        const folded = foldStates(null, byTime, decideProjection, new Date(base));
        if (folded !== 'doubtful') expect(folded.state.object).toEqual(truth.at(-1)?.object);
        if (
          truth.every(({ object }, index) => truth.findIndex((one) => one.object.status === object.status) === index)
        ) {
          expect(folded).not.toBe('doubtful');
        }
      }),
    );
  });
});

describe('where Stripe does not know the object', () => {
  const later = (type: MirroredType, left: object, right: object) => {
    const at = new Date(base);
    const of = (more: object): IncomingState => ({
      object: { id: 'x_1', object: 'x', ...more },
      asOf: at,
      deleted: false,
      source: 'event',
    });
    return [decideWithoutStripe(type, of(left), of(right)), decideWithoutStripe(type, of(right), of(left))];
  };

  it.each([
    [
      'subscription',
      ['incomplete', 'past_due', 'unpaid', 'paused', 'trialing', 'active', 'incomplete_expired', 'canceled'],
    ],
    ['invoice', ['draft', 'open', 'uncollectible', 'void', 'paid']],
    ['checkout_session', ['open', 'expired', 'complete']],
    ['refund', ['pending', 'requires_action', 'succeeded', 'failed']],
    ['dispute', ['warning_needs_response', 'warning_closed', 'needs_response', 'under_review', 'lost', 'won']],
    ['invoice_payment', ['open', 'canceled', 'paid']],
  ] as const)('the %s further along its life is the later one of a second', (type, statuses) => {
    for (const [index, status] of statuses.entries()) {
      for (const further of statuses.slice(index + 1)) {
        expect(later(type, { status }, { status: further })).toEqual(['apply', 'ignore']);
      }
    }
  });

  it('of two invoices of one status the one tried more often is the later one', () => {
    const open = (attempt_count: number) => ({ status: 'open', attempt_count });
    expect(later('invoice', open(9), open(10))).toEqual(['apply', 'ignore']);
  });

  it('of two subscriptions of one status the one whose period ends later is the later one', () => {
    const until = (current_period_end: number) => ({ status: 'active', items: { data: [{ current_period_end }] } });
    expect(later('subscription', until(999), until(1_000))).toEqual(['apply', 'ignore']);
  });

  it('of two that differ in nothing that ranks one is always preferred, the same one', () => {
    expect(later('customer', { name: 'Ada' }, { name: 'Grace' }).toSorted()).toEqual(['apply', 'ignore']);
    expect(later('customer', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 })).toEqual(['ignore', 'ignore']);
  });

  it('every order of the same events, however often repeated, ends the same', () => {
    const heard = fc.record({
      status: fc.constantFrom('incomplete', 'active', 'past_due', 'canceled', 'something_new'),
      at: fc.nat(3).map((step) => step * 5),
    });
    const anyHistory = fc.array(heard, { minLength: 1, maxLength: 6 }).chain((all) =>
      fc.record({
        first: fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 }),
        second: fc.shuffledSubarray(all, { minLength: all.length }),
      }),
    );
    const end = (all: readonly { status: string; at: number }[]) => {
      const states = all.map(({ status, at }) => event(status, at, status === 'canceled'));
      const decide = (...both: Parameters<typeof decideProjection>) => decideWithoutStripe('subscription', ...both);
      const folded = foldStates(null, states, decide, new Date(base));
      return folded === 'doubtful' ? folded : { ...folded.state, touchedAt: null };
    };
    fc.assert(
      fc.property(anyHistory, ({ first, second }) => {
        expect(end(first)).toEqual(end(second));
      }),
    );
  });
});
