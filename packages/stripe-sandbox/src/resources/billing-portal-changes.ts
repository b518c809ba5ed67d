import type { ChangePlan } from '../billing/change-plan.ts';
import { carryOutChange } from '../billing/change-subscription.ts';
import { endTrial } from '../billing/cycle.ts';
import { activeDiscounts } from '../billing/discounts.ts';
import { cancelNow } from '../billing/final-invoice.ts';
import { portalProducts } from '../billing/portal.ts';
import { previewChange } from '../billing/preview.ts';
import { periodOf, scheduleSubscription } from '../billing/subscription-tasks.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { CancellationOption, PortalConfiguration } from '../objects/portal.ts';
import type { Price } from '../objects/price.ts';
import { isMetered, type Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { movesEnd, planOf } from './subscription-change.ts';
import { cancellationOf } from './subscription-params.ts';

/** What customers do to their subscriptions on the portal. */

/** Whether they may change its plan: one price, paid in advance by card, and neither a schedule nor an end to undo first. */
function isChangeable(configuration: PortalConfiguration, subscription: Subscription): boolean {
  const { items, status } = subscription;
  return (
    configuration.features.subscription_update.enabled &&
    items.data.length === 1 &&
    !items.data.some(isMetered) &&
    subscription.collection_method === 'charge_automatically' &&
    subscription.schedule === null &&
    subscription.cancel_at === null &&
    (status === 'active' || status === 'trialing')
  );
}

/** The prices it may change to; none when it may not be changed. */
export function offeredPrices(work: Work, configuration: PortalConfiguration, subscription: Subscription): Price[] {
  if (!isChangeable(configuration, subscription)) return [];
  const prices = portalProducts(work, configuration.id).flatMap((product) => product.prices);
  return prices.flatMap((id) => {
    const price = work.find('price', id);
    const other = subscription.items.data.every((item) => item.price.id !== id);
    const fits = price?.active === true && price.currency === subscription.currency;
    return price !== undefined && fits && other && !isMetered({ price }) ? [price] : [];
  });
}

/** Whether its end is the customer's to say: a schedule's is not. */
export function isCancelable(configuration: PortalConfiguration, subscription: Subscription): boolean {
  return configuration.features.subscription_cancel.enabled && subscription.schedule === null;
}

/** Sets or takes back when it ends; an end within the period is prorated as everywhere. */
function moveEnd(work: Work, subscription: Subscription, wanted: Subscription): void {
  const discounts = activeDiscounts(work, wanted.discounts, work.now);
  const changed = movesEnd(work, subscription, wanted)
    ? carryOutChange(work, planOf(work, subscription, wanted, {}, discounts), {
        behavior: 'allow_incomplete',
        offSession: false,
      })
    : work.update(subscription, wanted, 'customer.subscription.updated');
  scheduleSubscription(work, changed);
}

/** Ends it as the configuration says. The portal says when by `cancel_at` alone: `cancel_at_period_end` stays false. */
export function endSubscription(
  work: Work,
  configuration: PortalConfiguration,
  subscription: Subscription,
  feedback: CancellationOption | null,
): void {
  const { mode, proration_behavior: proration } = configuration.features.subscription_cancel;
  const details = { ...subscription.cancellation_details, ...(feedback === null ? {} : { feedback }) };
  if (mode === 'immediately') {
    cancelNow(work, subscription, {
      prorate: proration !== 'none',
      invoiceNow: proration === 'always_invoice',
      details,
    });
    return;
  }
  const period = periodOf(subscription);
  const ends = cancellationOf(
    { ...subscription, cancellation_details: details },
    { cancel_at: period.end },
    period,
    work.now,
  );
  moveEnd(work, subscription, { ...subscription, ...ends });
}

/** Takes the end back. */
export function keepSubscription(work: Work, subscription: Subscription): void {
  const ends = cancellationOf(subscription, { cancel_at: '' }, periodOf(subscription), work.now);
  moveEnd(work, subscription, { ...subscription, ...ends });
}

/** A change of plan as it was shown: its sums are those of the moment at which it was. */
export type PortalChange = { plan: ChangePlan; invoice: Invoice; endsTrial: boolean; chargedNow: boolean };

export function planPortalChange(
  work: Work,
  configuration: PortalConfiguration,
  subscription: Subscription,
  wanted: { price: string; quantity: number | undefined; at: number },
): PortalChange {
  const how = configuration.features.subscription_update;
  const items = subscription.items.data.slice(0, 1).map(({ id, quantity }) => {
    const sold = wanted.quantity ?? quantity;
    return { id, price: wanted.price, ...(sold === undefined ? {} : { quantity: sold }) };
  });
  const trialing = subscription.status === 'trialing';
  const endsTrial = trialing && how.trial_update_behavior === 'end_trial';
  const moves = how.billing_cycle_anchor === 'now' && !trialing;
  const asked = {
    items,
    proration_behavior: how.proration_behavior,
    proration_date: wanted.at,
    ...(moves ? { billing_cycle_anchor: { type: 'now' as const } } : {}),
  };
  const plan = planOf(work, subscription, subscription, asked, activeDiscounts(work, subscription.discounts, work.now));
  const invoice = previewChange(work, plan, endsTrial ? work.now : null);
  return { plan, invoice, endsTrial, chargedNow: plan.invoicesNow || endsTrial };
}

/** Charges and changes, or throws the card error and leaves all as it was. */
export function carryOutPortalChange(work: Work, { plan, endsTrial }: PortalChange): void {
  const changed = carryOutChange(work, plan, { behavior: 'error_if_incomplete', offSession: false });
  scheduleSubscription(work, changed);
  if (endsTrial) endTrial(work, changed, work.now);
}
