import type { WithdrawalPolicy } from '@latchkey/core';
import { describe, expect, it } from 'vitest';
import { type PaidTerm, type PaymentFacts, takenBack } from './taken-back.ts';

const payment = (more: Partial<PaymentFacts> = {}): PaymentFacts => ({
  charge: 'ch_1',
  paidCents: 2500,
  refundedCents: 0,
  disputes: [],
  ...more,
});
const term = (endsAt: number | null, payments: PaymentFacts[], paidCents: number | null = 2500): PaidTerm => ({
  endsAt,
  paidCents,
  payments,
});
const disputed = (...statuses: string[]) =>
  payment({ disputes: statuses.map((status, index) => ({ id: `du_${index + 1}`, status, amountCents: 2_500 })) });

const DEFAULT: WithdrawalPolicy = { onRefund: 'revoke', onDispute: 'suspend' };
const policies: WithdrawalPolicy[] = [
  DEFAULT,
  { onRefund: 'revoke', onDispute: 'revoke' },
  { onRefund: 'revoke', onDispute: 'keep' },
  { onRefund: 'keep', onDispute: 'suspend' },
  { onRefund: 'keep', onDispute: 'keep' },
];

/** What became of the payment for the time that runs, and whether it takes the licence: as a refund, as a dispute. */
const events: [what: string, terms: PaidTerm[], refund: boolean, dispute: boolean][] = [
  ['nothing', [term(100, [payment()])], false, false],
  ['a refund of a cent', [term(100, [payment({ refundedCents: 1 })])], false, false],
  ['a refund of all but a cent', [term(100, [payment({ refundedCents: 2499 })])], false, false],
  ['a refund of all', [term(100, [payment({ refundedCents: 2500 })])], true, false],
  ['an open dispute of all', [term(100, [disputed('needs_response')])], false, true],
  ['a dispute under review', [term(100, [disputed('under_review')])], false, true],
  ['a lost dispute', [term(100, [disputed('lost')])], false, true],
  ['a lost dispute that was appealed', [term(100, [disputed('appeal_under_review')])], false, true],
  ['a dispute in a state that is new to us', [term(100, [disputed('in_arbitration')])], false, true],
  ['a dispute that was won', [term(100, [disputed('won')])], false, false],
  ['a dispute that was prevented', [term(100, [disputed('prevented')])], false, false],
  ['an inquiry', [term(100, [disputed('warning_needs_response')])], false, false],
  ['an inquiry under review', [term(100, [disputed('warning_under_review')])], false, false],
  ['an inquiry that ended', [term(100, [disputed('warning_closed')])], false, false],
  ['a dispute won and another open', [term(100, [disputed('won', 'needs_response')])], false, true],
  [
    'a refund of all and a lost dispute',
    [term(100, [payment({ ...disputed('lost'), refundedCents: 2500 })])],
    true,
    true,
  ],
];

describe('what is taken back of a payment', () => {
  it.each(policies.flatMap((policy) => events.map((event) => [policy, ...event] as const)))(
    'under %o by %s',
    (policy, _what, terms, refund, dispute) => {
      const holds = takenBack(terms, policy);
      const effect = (takes: boolean, does: string) => (takes && does !== 'keep' ? does : undefined);
      expect(holds.refund?.effect).toBe(effect(refund, policy.onRefund));
      expect(holds.dispute?.effect).toBe(effect(dispute, policy.onDispute));
    },
  );
});

describe('a refund', () => {
  const refunded = payment({ refundedCents: 2500 });
  const cases: [what: string, terms: PaidTerm[], takes: boolean][] = [
    ['of time that went by', [term(100, [refunded]), term(200, [payment({ charge: 'ch_2' })])], false],
    ['of the time that runs', [term(100, [payment()]), term(200, [{ ...refunded, charge: 'ch_2' }])], true],
    ['of the time that runs, heard of first', [term(200, [refunded]), term(100, [payment()])], true],
    [
      'of a term while its upgrade is kept',
      [term(100, [refunded]), term(100, [payment({ charge: 'ch_2' })], 900)],
      false,
    ],
    [
      'of a term and of its upgrade',
      [term(100, [refunded]), term(100, [payment({ charge: 'ch_2', refundedCents: 900 })], 900)],
      true,
    ],
    [
      'of one of two payments for one invoice',
      [term(100, [payment({ refundedCents: 1500 }), payment({ charge: 'ch_2' })])],
      false,
    ],
    ['of what pays for no time', [term(null, [refunded]), term(100, [payment({ charge: 'ch_2' })])], false],
    ['where nobody has said what was paid', [term(100, [refunded], null)], false],
    ['where nothing was to be paid', [term(100, [], 0)], false],
    ['of what was paid for once', [term(Number.POSITIVE_INFINITY, [refunded])], true],
    ['where nothing was paid for yet', [], false],
  ];
  it.each(cases)('%s', (_what, terms, takes) => {
    expect(takenBack(terms, DEFAULT).refund !== null).toBe(takes);
  });
});

describe('the reason', () => {
  it('names every charge that was refunded, the same in every order', () => {
    const one = payment({ charge: 'ch_a', refundedCents: 1000 });
    const other = payment({ charge: 'ch_b', refundedCents: 1500 });
    const reason = 'The payment was refunded (ch_a, ch_b).';
    expect(takenBack([term(100, [one, other])], DEFAULT).refund?.reason).toBe(reason);
    expect(takenBack([term(100, [other, one])], DEFAULT).refund?.reason).toBe(reason);
  });

  it('names the dispute that is lost before one that is open', () => {
    expect(takenBack([term(100, [disputed('needs_response')])], DEFAULT).dispute?.reason).toBe(
      'The payment is disputed (ch_1, du_1).',
    );
    expect(takenBack([term(100, [disputed('needs_response', 'lost')])], DEFAULT).dispute?.reason).toBe(
      'The dispute of the payment was lost (ch_1, du_2).',
    );
  });

  it('of a dispute holds for whichever payment it is about, also one for time that went by', () => {
    const terms = [term(100, [disputed('lost')]), term(200, [payment({ charge: 'ch_2' })])];
    expect(takenBack(terms, DEFAULT).dispute?.effect).toBe('suspend');
  });
});
