import { formatAmount } from '../billing/amounts.ts';
import { runningSubscriptions } from '../billing/portal.ts';
import { periodOf } from '../billing/subscription-tasks.ts';
import type { Engine } from '../engine.ts';
import type { PaymentMethod } from '../objects/payment-method.ts';
import type { Price } from '../objects/price.ts';
import type { Subscription } from '../objects/subscription.ts';
import { isCancelable, offeredPrices } from '../resources/billing-portal-changes.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { type Html, html } from './html.ts';
import { type Page, page } from './layout.ts';
import { dateText, inPortal, type Portal } from './portal-session.ts';
import { priceText } from './price-text.ts';

/** What a price is called and costs. */
export function priceName(work: Work, price: Price): string {
  return work.find('product', price.product)?.name ?? price.nickname ?? price.id;
}

export function planText(work: Work, subscription: Subscription): string {
  return subscription.items.data
    .map(({ price, quantity }) => `${priceName(work, price)}${(quantity ?? 1) > 1 ? ` × ${quantity}` : ''}`)
    .join(', ');
}

function stateText(subscription: Subscription): string {
  const { end } = periodOf(subscription);
  if (subscription.cancel_at !== null) return `Ends on ${dateText(subscription.cancel_at)}.`;
  switch (subscription.status) {
    case 'trialing':
      return `Free until ${dateText(end)}, then it renews.`;
    case 'active':
      return `Renews on ${dateText(end)}.`;
    case 'past_due':
    case 'unpaid':
      return 'The last payment failed. Pay its invoice below, or give another card.';
    case 'paused':
      return 'Paused: it has no card to go on with.';
    default:
      return 'Waits for its first payment.';
  }
}

function subscriptionPart(portal: Portal, subscription: Subscription): Html {
  const { work, configuration, home } = portal;
  const at = `${home}/subscriptions/${subscription.id}`;
  const mayEnd = isCancelable(configuration, subscription);
  const ends = subscription.cancel_at !== null;
  return html`<section>
<h2>${planText(work, subscription)}</h2>
<p>${subscription.items.data.map(({ price }) => html`${priceText(price)} `)}</p>
<p class="soft">${stateText(subscription)}</p>
<div class="actions">
${offeredPrices(work, configuration, subscription).length > 0 && html`<a href="${at}/update">Change plan</a>`}
${mayEnd && !ends && html`<a href="${at}/cancel">Cancel subscription</a>`}
${mayEnd && ends && html`<form method="post" action="${at}/keep"><button>Don’t cancel</button></form>`}
</div>
</section>`;
}

export function cardText({ card }: PaymentMethod): string {
  const brand = card.brand.charAt(0).toUpperCase() + card.brand.slice(1);
  return `${brand} •••• ${card.last4}`;
}

function cardPart({ customer, home }: Portal, method: PaymentMethod): Html {
  const at = `${home}/payment-methods/${method.id}`;
  const isDefault = customer.invoice_settings.default_payment_method === method.id;
  const expiry = `${String(method.card.exp_month).padStart(2, '0')}/${method.card.exp_year}`;
  return html`<li><span>${cardText(method)} <span class="soft">expires ${expiry}</span>${isDefault && html` <strong>Default</strong>`}</span>
${
  !isDefault &&
  html`<span class="actions">
<form method="post" action="${at}/default"><button class="second" aria-label="Make ${cardText(method)} the default">Make default</button></form>
<form method="post" action="${at}/remove"><button class="second" aria-label="Remove ${cardText(method)}">Remove</button></form>
</span>`
}</li>`;
}

function cardsPart(portal: Portal): Html | false {
  const { work, configuration, customer, home } = portal;
  if (!configuration.features.payment_method_update.enabled) return false;
  const cards = work.select('payment_method', [equals('$.customer', customer.id)]).reverse();
  return html`<section>
<h2>Payment methods</h2>
${cards.length === 0 ? html`<p class="soft">No card yet.</p>` : html`<ul class="rows">${cards.map((one) => cardPart(portal, one))}</ul>`}
<p><a href="${home}/payment-methods">Add a card</a></p>
</section>`;
}

function invoicesPart({ work, configuration, customer }: Portal): Html | false {
  if (!configuration.features.invoice_history.enabled) return false;
  const all = work.select('invoice', [equals('$.customer', customer.id)]).reverse();
  const shown = all.filter((invoice) => invoice.status !== 'draft').slice(0, 24);
  return html`<section>
<h2>Invoices</h2>
${
  shown.length === 0
    ? html`<p class="soft">No invoice yet.</p>`
    : html`<ul class="rows">${shown.map(
        (invoice) => html`<li><a href="${invoice.hosted_invoice_url}">${dateText(invoice.created)}</a>
<span>${formatAmount(invoice.total, invoice.currency)} <span class="soft">${invoice.status === 'open' ? 'to be paid' : invoice.status}</span></span></li>`,
      )}</ul>`
}
</section>`;
}

function customerPart({ configuration, customer, home }: Portal): Html | false {
  if (!configuration.features.customer_update.enabled) return false;
  return html`<section>
<h2>Your details</h2>
<p>${customer.name ?? 'No name'}<br>${customer.email ?? 'No email address'}${customer.phone !== null && html`<br>${customer.phone}`}</p>
<p><a href="${home}/customer">Change your details</a></p>
</section>`;
}

/** The first page: everything the customer has, and what they may do to it. */
function homePage(portal: Portal): Page {
  const { work, session, configuration, customer } = portal;
  const running = runningSubscriptions(work, customer.id);
  const { headline, privacy_policy_url: privacy, terms_of_service_url: terms } = configuration.business_profile;
  return page(
    200,
    'Your billing',
    html`${session.return_url !== null && html`<p><a href="${session.return_url}">← Return to the shop</a></p>`}
<h1>${headline ?? 'Your billing'}</h1>
${running.length === 0 && html`<section><p>You have no subscription that runs.</p></section>`}
${running.map((subscription) => subscriptionPart(portal, subscription))}
${cardsPart(portal)}
${customerPart(portal)}
${invoicesPart(portal)}
${terms !== null && html`<p><a href="${terms}">Terms</a></p>`}
${privacy !== null && html`<p><a href="${privacy}">Privacy</a></p>`}`,
  );
}

/** `GET /p/session/{session}` */
export function showPortal(engine: Engine, id: string): Page {
  return inPortal(engine, id, (portal) => homePage(portal));
}
