import { DEFAULT_WITHDRAWAL_POLICY } from '@latchkey/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { creditWithheld } from './credit-withheld.ts';
import type { PaymentFacts } from './taken-back.ts';

const HOURS = 36_000_000_000;
const facts = (more: Partial<PaymentFacts> = {}): PaymentFacts => ({
  charge: 'ch_1',
  paidCents: 5_000,
  refundedCents: 0,
  disputes: [],
  ...more,
});
const withheld = (more: Partial<PaymentFacts>, policy = DEFAULT_WITHDRAWAL_POLICY) =>
  creditWithheld(HOURS, facts(more), policy) / HOURS;
const disputed = (status: string, amountCents: number | null = 5_000) => ({
  disputes: [{ id: 'dp_1', status, amountCents }],
});
const twice = (first: [string, number], second: [string, number]) => ({
  disputes: [first, second].map(([status, amountCents], index) => ({ id: `dp_${index}`, status, amountCents })),
});

describe('what was bought in advance is withheld', () => {
  it.each<[string, Partial<PaymentFacts>, number]>([
    ['not at all while its payment stands', {}, 0],
    ['by the part that was refunded', { refundedCents: 1_250 }, 0.25],
    ['whole when all of it was refunded', { refundedCents: 5_000 }, 1],
    ['whole while it is disputed', disputed('needs_response'), 1],
    ['whole once the dispute is lost', disputed('lost'), 1],
    ['not at all once the dispute is won', disputed('won'), 0],
    ['not at all for an inquiry', disputed('warning_needs_response'), 0],
    ['by the refund alone once the dispute is won', { refundedCents: 2_500, ...disputed('won') }, 0.5],
    ['not at all where nobody has said what was paid', { paidCents: null, refundedCents: 100 }, 0],
    ['by the part that is disputed', disputed('needs_response', 1_250), 0.25],
    ['by the part of a dispute that was lost', disputed('lost', 1_250), 0.25],
    ['not at all once the dispute of a part is won', disputed('won', 1_250), 0],
    ['not at all for an inquiry about a part', disputed('warning_needs_response', 1_250), 0],
    ['by a refund and the part that is disputed', { refundedCents: 2_500, ...disputed('lost', 1_250) }, 0.75],
    ['whole when the rest of a refund is disputed', { refundedCents: 3_750, ...disputed('lost', 1_250) }, 1],
    ['no more than whole', { refundedCents: 3_750, ...disputed('under_review', 5_000) }, 1],
    ['whole where nobody says how much is disputed', disputed('needs_response', null), 1],
    ['whole where it is disputed and nobody has said what was paid', { paidCents: null, ...disputed('lost', 5) }, 1],
    ['by every dispute that withholds', twice(['lost', 1_000], ['needs_response', 500]), 0.3],
    ['by the one that was not won', twice(['won', 1_000], ['lost', 500]), 0.1],
  ])('%s', (_, of, share) => {
    expect(withheld(of)).toBe(share);
  });

  it('as far as the catalog says', () => {
    expect(withheld({ refundedCents: 5_000 }, { onRefund: 'keep', onDispute: 'suspend' })).toBe(0);
    expect(withheld(disputed('lost'), { onRefund: 'revoke', onDispute: 'keep' })).toBe(0);
    const both = { refundedCents: 2_500, ...disputed('lost', 500) };
    expect(withheld(both, { onRefund: 'revoke', onDispute: 'keep' })).toBe(0.5);
    expect(withheld(both, { onRefund: 'keep', onDispute: 'suspend' })).toBe(0.1);
  });

  it('by a dispute of a part as by a refund of as much', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        fc.integer({ min: 1, max: 5_000 }),
        (quantity, part) => {
          const by = (more: Partial<PaymentFacts>) => creditWithheld(quantity, facts(more), DEFAULT_WITHDRAWAL_POLICY);
          expect(by(disputed('lost', part))).toBe(by({ refundedCents: part }));
        },
      ),
    );
  });

  it('in whole steps, never more than there was, and never less for a larger refund', () => {
    const amounts = fc.integer({ min: 1, max: 99_999_999 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        amounts,
        amounts,
        amounts,
        (quantity, paid, one, other) => {
          const [less, more] = [one, other]
            .toSorted((left, right) => left - right)
            .map((refundedCents) =>
              creditWithheld(quantity, facts({ paidCents: paid, refundedCents }), DEFAULT_WITHDRAWAL_POLICY),
            );
          expect(Number.isSafeInteger(less)).toBe(true);
          expect(less).toBeLessThanOrEqual(more ?? -1);
          expect(more).toBeLessThanOrEqual(quantity);
        },
      ),
    );
  });
});
