import { isExpired } from '../billing/portal.ts';
import { runKeepingDeclines } from '../control/acts.ts';
import type { Engine } from '../engine.ts';
import { ApiError } from '../http/api-error.ts';
import type { Customer } from '../objects/customer.ts';
import type { PortalConfiguration, PortalFlow, PortalSession } from '../objects/portal.ts';
import { isEnded, type Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { type Html, html } from './html.ts';
import { notFound, notice, type Page, page, redirect } from './layout.ts';

/** The portal as one customer has it open. */
export type Portal = {
  work: Work;
  session: PortalSession;
  configuration: PortalConfiguration;
  customer: Customer;
  /** The path of its first page; all others are below it. */
  home: string;
};

function opened(work: Work, id: string): Portal | Page {
  const session = work.find('billing_portal.session', id);
  const customer = session === undefined ? undefined : work.find('customer', session.customer);
  if (session === undefined || customer === undefined) return notFound();
  if (isExpired(work, session)) {
    return notice(410, 'This link has expired', 'Go back to where you came from, and open the portal anew.');
  }
  const configuration = work.get('billing_portal.configuration', session.configuration);
  return { work, session, configuration, customer, home: `/p/session/${session.id}` };
}

/**
 * Answers within an open session. What is refused there is said by `again`, on the page as it was: nothing has been changed
 * then, but for what a declined payment leaves behind.
 */
export function inPortal(
  engine: Engine,
  id: string,
  body: (portal: Portal) => Page,
  again: (portal: Portal, problem: ApiError) => Page = (portal, problem) =>
    portalPage(portal, 'Not possible', html`<p class="bad" role="alert">${problem.message}</p>`, problem.status),
): Page {
  const within = (act: (portal: Portal) => Page) =>
    runKeepingDeclines(engine, (work) => {
      const portal = opened(work, id);
      return 'work' in portal ? act(portal) : portal;
    });
  try {
    return within(body);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return within((portal) => again(portal, error));
  }
}

/** The subscription of this customer's that a path names, while it runs. */
export function ownSubscription({ work, session }: Portal, id: string): Subscription | undefined {
  const subscription = work.find('subscription', id);
  const own = subscription?.customer === session.customer && !isEnded(subscription);
  return own ? subscription : undefined;
}

/** A page below the first, with the way back to it. */
export function portalPage(portal: Portal, title: string, content: Html, status = 200): Page {
  return page(status, title, html`<p><a href="${portal.home}">← Back to your billing</a></p>\n${content}`);
}

/** Where a customer goes who has done something: what the session was opened for may lead elsewhere. */
export function afterDoing(portal: Portal, type: PortalFlow['type'], subscription?: string): Page {
  const { flow } = portal.session;
  const about = flow?.subscription_cancel ?? flow?.subscription_update ?? flow?.subscription_update_confirm;
  if (flow === null || flow.type !== type || about?.subscription !== subscription) return redirect(portal.home);
  const { hosted_confirmation: confirmation, redirect: elsewhere } = flow.after_completion;
  if (elsewhere !== null) return redirect(elsewhere.return_url);
  if (confirmation === null) return redirect(portal.home);
  return notice(200, 'All done', confirmation.custom_message ?? 'Your changes have been saved.');
}

/** `December 21, 2026` */
export function dateText(seconds: number): string {
  return new Intl.DateTimeFormat('en-US', { dateStyle: 'long', timeZone: 'UTC' }).format(seconds * 1000);
}
