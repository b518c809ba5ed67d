import { newId } from '../ids.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { composeNow } from './change-invoice.ts';
import { type ChangePlan, invoiceNow, itemsToBill } from './change-plan.ts';
import { collectInvoice } from './collection.ts';
import { storeDraft } from './invoice-draft.ts';
import { claimItems } from './invoice-items.ts';
import { finalizeInvoice } from './invoices.ts';
import { requirePaymentMethod } from './payment-behavior.ts';
import { applyPending, PENDING_TASK, rememberPending } from './pending-update.ts';
import { periodOf } from './subscription-tasks.ts';

const WAITING_SECONDS = 23 * 3600;

/** What of the plan changes the subscription. */
function changesOf({ subscription, newPeriod }: ChangePlan): Partial<Subscription> {
  const { billing_cycle_anchor, cancel_at, items, status, trial_end, trial_start } = subscription;
  const moved = newPeriod ? { billing_cycle_anchor, cancel_at, status, trial_end, trial_start } : {};
  return { items, ...moved };
}

/** Puts the update on the subscription for everybody to see, until `expires_at`. */
function show(work: Work, plan: ChangePlan, invoice: string): Subscription {
  const { before, subscription } = plan;
  const expires = Math.min(work.now + WAITING_SECONDS, before.trial_end ?? Infinity, periodOf(before).end);
  // A trial that is over has no say in it.
  const expiresAt = expires > work.now ? expires : Math.min(work.now + WAITING_SECONDS, periodOf(before).end);
  work.tasks.schedule(PENDING_TASK, before.id, expiresAt);
  const pending: Subscription['pending_update'] = {
    billing_cycle_anchor: plan.newPeriod ? subscription.billing_cycle_anchor : null,
    cancel_at_period_end: null,
    discount: null,
    discounts: null,
    expires_at: expiresAt,
    metadata: null,
    subscription_items: subscription.items.data,
    trial_end: null,
    trial_from_plan: null,
  };
  const changes = { latest_invoice: invoice, pending_update: pending };
  return work.update(work.get('subscription', before.id), changes, 'customer.subscription.updated');
}

function bill(work: Work, plan: ChangePlan, id: string): Invoice {
  const items = itemsToBill(work, plan);
  const draft = { ...invoiceNow(work, plan, items, id), autoAdvance: false };
  const { invoice, givenBack } = composeNow(work, plan, draft);
  if (invoice.amount_due > 0) requirePaymentMethod(work, plan.before);
  // Made for this invoice: what is dropped takes them with it.
  for (const item of plan.prorations) work.insert(item, 'invoiceitem.created', { made_for: id });
  for (const item of givenBack) work.insert({ ...item, invoice: id }, 'invoiceitem.created', { made_for: id });
  const stored = storeDraft(work, invoice);
  claimItems(work, items, stored);
  const { prices, newPeriod } = plan;
  const from = givenBack.length > 0 ? plan.subscription.cancel_at : plan.givenBackFrom;
  rememberPending(work, plan.before.id, {
    invoice: id,
    changes: changesOf(plan),
    prices,
    newPeriod,
    givenBackFrom: from,
  });
  return stored;
}

/**
 * Invoices a planned change and carries it out only once that is paid (`pending_if_incomplete`). Until then it is the
 * subscription's `pending_update`, and everything else goes on as if nothing had been asked for.
 */
export function proposeChange(work: Work, plan: ChangePlan, offSession: boolean): Subscription {
  const id = newId('in_');
  const invoice = finalizeInvoice(work, bill(work, plan, id));
  if (invoice.status === 'paid') {
    applyPending(work, work.get('subscription', plan.before.id), invoice);
    return work.get('subscription', plan.before.id);
  }
  const outcome = collectInvoice(work, invoice, { automatic: true, offSession, authentication: null });
  return outcome.kind === 'paid' ? work.get('subscription', plan.before.id) : show(work, plan, id);
}
