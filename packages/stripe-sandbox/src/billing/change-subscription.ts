import { newId } from '../ids.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { rememberBilled, rememberGivenBack } from './billed.ts';
import { composeNow } from './change-invoice.ts';
import { type ChangePlan, invoiceNow, itemsToBill } from './change-plan.ts';
import { spendDiscounts } from './discounts.ts';
import { storeDraft } from './invoice-draft.ts';
import { claimItems } from './invoice-items.ts';
import { finalizeInvoice } from './invoices.ts';
import { rememberStarts } from './metered-lines.ts';
import { settleWhilePaused } from './pause-collection.ts';
import { collectAs, type PaymentBehavior, requirePaymentMethod } from './payment-behavior.ts';
import { withoutPending } from './pending-update-end.ts';
import { type PeriodInvoice, storePeriod } from './period-invoice.ts';
import { proposeChange } from './propose-change.ts';
import { scheduleSubscription } from './subscription-tasks.ts';

type Payment = { behavior: PaymentBehavior; offSession: boolean };

/** Of a change, which may also wait until it is paid. */
export type ChangeBehavior = PaymentBehavior | 'pending_if_incomplete';

/** A change whose invoice was not paid leaves the subscription behind, until it is. */
function fallBehind(work: Work, invoice: Invoice): void {
  const current = work.get('invoice', invoice.id);
  const id = current.parent?.subscription_details.subscription;
  const subscription = id === undefined ? undefined : work.find('subscription', id);
  if (current.status !== 'open' || subscription?.status !== 'active') return;
  scheduleSubscription(work, work.update(subscription, { status: 'past_due' }, 'customer.subscription.updated'));
}

function billNow(work: Work, draft: Invoice, subscription: Subscription, payment: Payment): void {
  if (subscription.status === 'unpaid' || settleWhilePaused(work, subscription, draft) !== undefined) return;
  if (subscription.collection_method === 'send_invoice' && draft.amount_due > 0) return;
  const invoice = finalizeInvoice(work, draft);
  if (invoice.status !== 'open') return;
  collectAs(work, invoice, { ...payment, authentication: null });
  fallBehind(work, invoice);
}

function storeNow(work: Work, plan: ChangePlan, subscription: Subscription, composed: PeriodInvoice): Invoice {
  if (plan.newPeriod) return storePeriod(work, subscription, composed);
  const stored = storeDraft(work, composed.invoice);
  spendDiscounts(work, subscription, stored);
  return stored;
}

/**
 * Carries out a planned change: the subscription is as planned, prorations are pending, and where the plan says so they
 * are invoiced and collected in the same breath. Throws the card error of a decline under `error_if_incomplete`; under
 * `pending_if_incomplete` a change that is invoiced waits until that is paid.
 */
export function carryOutChange(
  work: Work,
  asked: ChangePlan,
  how: { behavior: ChangeBehavior; offSession: boolean },
): Subscription {
  const plan = inPlaceOfPending(work, asked);
  const { behavior, offSession } = how;
  if (behavior !== 'pending_if_incomplete') return carryOut(work, plan, { behavior, offSession });
  const collects = plan.before.status !== 'unpaid' && plan.before.pause_collection === null;
  if (plan.invoicesNow && collects) return proposeChange(work, plan, offSession);
  return carryOut(work, plan, { behavior: 'allow_incomplete', offSession });
}

/** An earlier change that still waits for its payment gives way. */
function inPlaceOfPending(work: Work, plan: ChangePlan): ChangePlan {
  const before = withoutPending(work, plan.before);
  if (before === plan.before) return plan;
  return { ...plan, before, subscription: { ...plan.subscription, pending_update: null } };
}

function carryOut(work: Work, plan: ChangePlan, payment: Payment): Subscription {
  const id = plan.invoicesNow ? newId('in_') : null;
  const items = itemsToBill(work, plan);
  const subscription = work.update(
    plan.before,
    { ...plan.subscription, ...(id === null ? {} : { latest_invoice: id }) },
    'customer.subscription.updated',
  );
  for (const item of subscription.items.data) work.objects.setOwner(item.id, subscription.id);
  for (const item of plan.prorations) work.insert(item, 'invoiceitem.created');
  rememberBilled(work, subscription.id, plan.prorations.length === 0 ? {} : plan.prices);
  rememberGivenBack(work, subscription.id, plan.givenBackFrom);
  rememberStarts(work, plan.before, subscription);
  scheduleSubscription(work, subscription);
  if (id === null) return subscription;
  const sent = subscription.collection_method === 'send_invoice';
  const finalizesAt = sent ? work.now + work.settings.renewalFinalizeDelaySeconds : null;
  const composed = composeNow(work, { ...plan, subscription }, { ...invoiceNow(work, plan, items, id), finalizesAt });
  const collects = subscription.status !== 'unpaid' && subscription.pause_collection === null;
  const charged = composed.invoice.amount_due > 0 && !sent && collects;
  if (charged && payment.behavior !== 'default_incomplete') requirePaymentMethod(work, subscription);
  const stored = storeNow(work, plan, subscription, composed);
  claimItems(work, items, stored);
  billNow(work, stored, subscription, payment);
  return work.get('subscription', subscription.id);
}
