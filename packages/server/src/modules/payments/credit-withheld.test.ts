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
const disputed = (status: string) => ({ disputes: [{ id: 'dp_1', status }] });

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
  ])('%s', (_, of, share) => {
    expect(withheld(of)).toBe(share);
  });

  it('as far as the catalog says', () => {
    expect(withheld({ refundedCents: 5_000 }, { onRefund: 'keep', onDispute: 'suspend' })).toBe(0);
    expect(withheld(disputed('lost'), { onRefund: 'revoke', onDispute: 'keep' })).toBe(0);
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
