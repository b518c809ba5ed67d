import type { Invoice } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { FINALIZE_TASK } from './invoice-draft.ts';
import { finalizeInvoice, voidInvoice } from './invoices.ts';
import { markUncollectible } from './uncollectible.ts';

/** Subscriptions that go on while nothing is collected (https://docs.stripe.com/billing/subscriptions/pause-payment). */

/** Collects again. */
const COLLECT_AGAIN_TASK = 'subscription.collect_again';

/** Sets or unsets when the pause ends by itself. */
export function schedulePause(work: Work, subscription: Subscription): void {
  const until = subscription.pause_collection?.resumes_at ?? null;
  if (until === null) work.tasks.cancel(COLLECT_AGAIN_TASK, subscription.id);
  else work.tasks.schedule(COLLECT_AGAIN_TASK, subscription.id, until);
}

/**
 * What becomes of a new invoice of a subscription whose collection is paused; undefined when it is not. A draft that is
 * kept stays one after the pause, until somebody finalises it.
 */
export function settleWhilePaused(work: Work, subscription: Subscription, draft: Invoice): Invoice | undefined {
  switch (subscription.pause_collection?.behavior) {
    case undefined:
      return undefined;
    case 'keep_as_draft': {
      work.tasks.cancel(FINALIZE_TASK, draft.id);
      const kept = { auto_advance: false, automatically_finalizes_at: null, next_payment_attempt: null };
      return work.update(draft, kept, 'invoice.updated');
    }
    case 'mark_uncollectible': {
      const invoice = finalizeInvoice(work, draft);
      return invoice.status === 'open' ? markUncollectible(work, invoice) : invoice;
    }
    case 'void': {
      const invoice = finalizeInvoice(work, draft);
      return invoice.status === 'open' ? voidInvoice(work, invoice) : invoice;
    }
  }
}

function collectAgain(work: Work, id: string): void {
  work.update(work.get('subscription', id), { pause_collection: null }, 'customer.subscription.updated');
}

export const PAUSE_TASKS: Readonly<Record<string, (work: Work, subject: string) => void>> = {
  [COLLECT_AGAIN_TASK]: collectAgain,
};
