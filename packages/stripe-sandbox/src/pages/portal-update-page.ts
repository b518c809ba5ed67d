import { formatAmount } from '../billing/amounts.ts';
import type { Engine } from '../engine.ts';
import type { Price } from '../objects/price.ts';
import type { Subscription } from '../objects/subscription.ts';
import {
  carryOutPortalChange,
  offeredPrices,
  type PortalChange,
  planPortalChange,
} from '../resources/billing-portal-changes.ts';
import { html } from './html.ts';
import { notFound, type Page } from './layout.ts';
import { planText, priceName } from './portal-home-page.ts';
import { afterDoing, dateText, inPortal, ownSubscription, type Portal, portalPage } from './portal-session.ts';
import { priceText } from './price-text.ts';

/** `GET /p/session/{session}/subscriptions/{subscription}/update`: the plans to choose from. */
export function showPlans(engine: Engine, session: string, id: string): Page {
  return inPortal(engine, session, (portal) => {
    const { work, configuration, home } = portal;
    const subscription = ownSubscription(portal, id);
    const prices = subscription === undefined ? [] : offeredPrices(work, configuration, subscription);
    if (subscription === undefined || prices.length === 0) return notFound();
    return portalPage(
      portal,
      'Change plan',
      html`<section>
<h1>Change plan</h1>
<p>Now: ${planText(work, subscription)}, ${subscription.items.data.map(({ price }) => html`${priceText(price)}`)}</p>
<ul class="rows">${prices.map(
        (price) => html`<li><span>${priceName(work, price)} <span class="soft">${priceText(price)}</span></span>
<a href="${home}/subscriptions/${id}/update/${price.id}" aria-label="Select ${priceName(work, price)}, ${priceText(price)}">Select</a></li>`,
      )}</ul>
</section>`,
    );
  });
}

/** How many, where the session was opened for this very change. */
function quantityIn({ session }: Portal, subscription: string, price: string): number | undefined {
  const confirm = session.flow?.subscription_update_confirm;
  if (confirm?.subscription !== subscription) return undefined;
  return confirm.items.find((item) => item.price === price)?.quantity;
}

type Choice = { subscription: Subscription; price: Price };

function chosen(portal: Portal, subscriptionId: string, priceId: string): Choice | undefined {
  const subscription = ownSubscription(portal, subscriptionId);
  if (subscription === undefined) return undefined;
  const offered = offeredPrices(portal.work, portal.configuration, subscription);
  const price = offered.find((one) => one.id === priceId);
  return price === undefined ? undefined : { subscription, price };
}

function changeAt(portal: Portal, { subscription, price }: Choice, at: number): PortalChange {
  const quantity = quantityIn(portal, subscription.id, price.id);
  return planPortalChange(portal.work, portal.configuration, subscription, { price: price.id, quantity, at });
}

function previewPage(portal: Portal, choice: Choice, problem: string | null, status: number): Page {
  const { work } = portal;
  const { price } = choice;
  const { invoice, chargedNow } = changeAt(portal, choice, work.now);
  const due = formatAmount(invoice.amount_due, invoice.currency);
  return portalPage(
    portal,
    'Confirm your new plan',
    html`<form method="post">
<h1>Change to ${priceName(work, price)}</h1>
<p>${priceText(price)}</p>
${problem !== null && html`<p class="bad" role="alert">${problem}</p>`}
<dl>${invoice.lines.data.map((line) => html`<dt>${line.description}</dt><dd>${formatAmount(line.amount, line.currency)}</dd>`)}</dl>
<p><strong>${chargedNow ? `Charged now: ${due}` : `Nothing is charged now; on ${dateText(invoice.created)}: ${due}`}</strong></p>
<input type="hidden" name="at" value="${work.now}">
<input type="hidden" name="due" value="${invoice.amount_due}">
<button>${chargedNow && invoice.amount_due > 0 ? `Pay ${due} and change` : 'Change plan'}</button>
</form>`,
    status,
  );
}

/** `GET /p/session/{session}/subscriptions/{subscription}/update/{price}`: what the change costs. */
export function showChange(engine: Engine, session: string, id: string, priceId: string): Page {
  return inPortal(engine, session, (portal) => {
    const choice = chosen(portal, id, priceId);
    return choice === undefined ? notFound() : previewPage(portal, choice, null, 200);
  });
}

const SHOWN_SECONDS = 3600;

/** When the sums were shown, as the form says it; now, where it cannot have been then. */
function shownAt({ work }: Portal, form: URLSearchParams): number {
  const at = Number(form.get('at') ?? '');
  return Number.isInteger(at) && at <= work.now && at > work.now - SHOWN_SECONDS ? at : work.now;
}

/** `POST /p/session/{session}/subscriptions/{subscription}/update/{price}`: charges what was shown, or shows it anew. */
export function submitChange(
  engine: Engine,
  session: string,
  id: string,
  priceId: string,
  form: URLSearchParams,
): Page {
  return inPortal(
    engine,
    session,
    (portal) => {
      const choice = chosen(portal, id, priceId);
      if (choice === undefined) return notFound();
      const change = changeAt(portal, choice, shownAt(portal, form));
      if (change.invoice.amount_due !== Number(form.get('due'))) {
        return previewPage(portal, choice, 'The amount has changed since it was shown. Please look again.', 409);
      }
      carryOutPortalChange(portal.work, change);
      const type =
        portal.session.flow?.type === 'subscription_update_confirm' ? portal.session.flow.type : 'subscription_update';
      return afterDoing(portal, type, id);
    },
    (portal, problem) => {
      const choice = chosen(portal, id, priceId);
      return choice === undefined ? notFound() : previewPage(portal, choice, problem.message, problem.status);
    },
  );
}
