import { periodOf } from '../billing/subscription-tasks.ts';
import type { Engine } from '../engine.ts';
import type { CancellationOption } from '../objects/portal.ts';
import type { Subscription } from '../objects/subscription.ts';
import { endSubscription, isCancelable, keepSubscription } from '../resources/billing-portal-changes.ts';
import { html } from './html.ts';
import { notFound, type Page, redirect } from './layout.ts';
import { planText } from './portal-home-page.ts';
import { afterDoing, dateText, inPortal, ownSubscription, type Portal, portalPage } from './portal-session.ts';

const REASONS: Record<CancellationOption, string> = {
  customer_service: 'Customer service was less than I expected',
  low_quality: 'Quality was less than I expected',
  missing_features: 'Some features are missing',
  other: 'Other reason',
  switched_service: 'I’m switching to another service',
  too_complex: 'Ease of use was less than I expected',
  too_expensive: 'It’s too expensive',
  unused: 'I don’t use it enough',
};

function cancelPage(portal: Portal, subscription: Subscription): Page {
  const { mode, cancellation_reason: reason } = portal.configuration.features.subscription_cancel;
  const { end } = periodOf(subscription);
  const consequence =
    mode === 'immediately'
      ? 'It ends at once.'
      : `It stays yours until ${dateText(end)} and is not renewed. Until then you can take this back.`;
  return portalPage(
    portal,
    'Cancel subscription',
    html`<form method="post">
<h1>Cancel ${planText(portal.work, subscription)}?</h1>
<p>${consequence}</p>
${
  reason.enabled &&
  html`<label for="feedback">Why do you cancel?</label>
<select id="feedback" name="feedback"><option value="">I’d rather not say</option>
${reason.options.map((option) => html`<option value="${option}">${REASONS[option]}</option>`)}</select>`
}
<button>Cancel subscription</button>
</form>`,
  );
}

/** The subscription, where its end is the customer's to say. */
function cancelable(portal: Portal, id: string): Subscription | undefined {
  const subscription = ownSubscription(portal, id);
  return subscription !== undefined && isCancelable(portal.configuration, subscription) ? subscription : undefined;
}

/** `GET /p/session/{session}/subscriptions/{subscription}/cancel` */
export function showCancel(engine: Engine, session: string, id: string): Page {
  return inPortal(engine, session, (portal) => {
    const subscription = cancelable(portal, id);
    if (subscription === undefined) return notFound();
    return subscription.cancel_at === null ? cancelPage(portal, subscription) : redirect(portal.home);
  });
}

/** `POST /p/session/{session}/subscriptions/{subscription}/cancel` */
export function submitCancel(engine: Engine, session: string, id: string, form: URLSearchParams): Page {
  return inPortal(engine, session, (portal) => {
    const subscription = cancelable(portal, id);
    if (subscription === undefined) return notFound();
    const { cancellation_reason: reason } = portal.configuration.features.subscription_cancel;
    const feedback = reason.enabled ? reason.options.find((option) => option === form.get('feedback')) : undefined;
    // Sent twice, it is still the one cancellation.
    if (subscription.cancel_at === null) {
      endSubscription(portal.work, portal.configuration, subscription, feedback ?? null);
    }
    return afterDoing(portal, 'subscription_cancel', id);
  });
}

/** `POST /p/session/{session}/subscriptions/{subscription}/keep`: takes the cancellation back. */
export function submitKeep(engine: Engine, session: string, id: string): Page {
  return inPortal(engine, session, (portal) => {
    const subscription = cancelable(portal, id);
    if (subscription === undefined) return notFound();
    if (subscription.cancel_at !== null) keepSubscription(portal.work, subscription);
    return redirect(portal.home);
  });
}
