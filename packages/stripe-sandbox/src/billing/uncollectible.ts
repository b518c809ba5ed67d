import type { Invoice } from '../objects/invoice.ts';
import type { Work } from '../work.ts';

/** Nobody expects an open invoice to be paid any more. */
export function markUncollectible(work: Work, invoice: Invoice): Invoice {
  return work.update(
    invoice,
    {
      auto_advance: false,
      next_payment_attempt: null,
      status: 'uncollectible',
      status_transitions: { ...invoice.status_transitions, marked_uncollectible_at: work.now },
    },
    'invoice.marked_uncollectible',
  );
}
