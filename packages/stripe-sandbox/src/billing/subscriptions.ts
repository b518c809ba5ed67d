import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { InvoiceLine } from '../objects/invoice.ts';
import type { InvoiceItem } from '../objects/invoice-item.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { activeDiscounts, redeem } from './discounts.ts';
import { claimItems, lineOfItem, pendingItems } from './invoice-items.ts';
import { finalizeInvoice } from './invoices.ts';
import { oneTimeLine } from './lines.ts';
import { collectAs, requirePaymentMethod } from './payment-behavior.ts';
import { composeAlone, composePeriod, storePeriod } from './period-invoice.ts';
import { periodLines, stubLines } from './period-lines.ts';
import { newSubscription, type Start } from './subscription-start.ts';
import { scheduleSubscription } from './subscription-tasks.ts';
import { requireRoomForSubscription } from './test-clocks.ts';

/** A customer is billed in the currency of their first subscription from then on. */
function settleCurrency(work: Work, customerId: string, currency: string): void {
  const customer = work.get('customer', customerId);
  if (customer.currency === null) work.update(customer, { currency }, 'customer.updated');
  else if (customer.currency !== currency) {
    throw invalidRequest(
      `You cannot combine currencies on a single customer. This customer has been billed in ${customer.currency} before.`,
      { param: 'currency' },
    );
  }
}

/** What the first invoice bills: what was pending, the first period, and what is bought once with it. */
export function firstInvoiceLines(
  work: Work,
  subscription: Subscription,
  start: Start,
  pending: readonly InvoiceItem[],
  invoice: string,
): InvoiceLine[] {
  const extras = start.extras.map((sold) => {
    const productName = work.get('product', sold.price.product).name;
    return oneTimeLine(invoice, subscription.id, { ...sold, productName }, work.now);
  });
  const items = pending.map((item) => lineOfItem(invoice, item));
  return [...items, ...firstPeriodLines(work, subscription, start, invoice), ...extras];
}

function firstPeriodLines(work: Work, subscription: Subscription, start: Start, invoice: string): InvoiceLine[] {
  const early = start.anchor !== undefined && start.trialEnd === null;
  if (!early) return periodLines(work, subscription, invoice, start.trialEnd !== null);
  return start.givesBack === false ? [] : stubLines(work, subscription, invoice);
}

/**
 * Starts a subscription: its first invoice is finalised and, as `behavior` says, collected in the same breath. Throws the
 * card error of a decline under `error_if_incomplete`; otherwise a declined start is an `incomplete` subscription.
 */
export function startSubscription(work: Work, start: Start): Subscription {
  requireRoomForSubscription(work, start.customer);
  const invoiceId = newId('in_');
  const begun = newSubscription(work, start, invoiceId);
  const owner = { checkout_session: null, customer: start.customer, invoice: null, subscription: begun.id };
  const discounts = start.discounts.map((one) => redeem(work, one, owner).id);
  const blank = { ...begun, discounts };
  const pending = pendingItems(work, { customer: start.customer, currency: blank.currency, subscription: null });
  const automatic = blank.collection_method === 'charge_automatically' && start.drafts !== true;
  const compose = (finalizesAt: number | null) => {
    const composing = start.givesBack === false ? composeAlone : composePeriod;
    return composing(work, blank, {
      id: invoiceId,
      reason: 'subscription_create',
      lines: firstInvoiceLines(work, blank, start, pending, invoiceId),
      discounts: activeDiscounts(work, discounts, work.now),
      period: { start: work.now, end: work.now },
      finalizesAt,
      autoAdvance: true,
    });
  };
  const { amount_due: due, lines } = compose(null).invoice;
  const owes = due > 0 && automatic;
  if (owes && start.behavior !== 'default_incomplete') requirePaymentMethod(work, blank);
  const status = start.trialEnd !== null ? 'trialing' : owes ? 'incomplete' : 'active';
  // Free until its billing cycle begins, or metered and not used yet: there is nothing to invoice.
  const free = lines.data.length === 0;
  const latest = free ? null : invoiceId;
  const subscription = work.insert({ ...blank, latest_invoice: latest, status }, 'customer.subscription.created');
  for (const item of subscription.items.data) work.objects.setOwner(item.id, subscription.id);
  settleCurrency(work, start.customer, subscription.currency);
  scheduleSubscription(work, subscription);
  if (free) return subscription;
  // An invoice that nobody waits for stays a draft for a while, like a renewal; else it is finalised right away.
  const later = !automatic && due > 0;
  const composed = compose(later ? work.now + work.settings.renewalFinalizeDelaySeconds : null);
  const draft = storePeriod(work, subscription, composed);
  claimItems(work, pending, draft);
  if (later) return work.get('subscription', subscription.id);
  const invoice = finalizeInvoice(work, draft);
  if (owes) collectAs(work, invoice, start);
  return work.get('subscription', subscription.id);
}
