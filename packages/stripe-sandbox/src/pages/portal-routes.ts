import type { Engine } from '../engine.ts';
import type { PathValues } from '../resources/resource.ts';
import { type Page, redirect } from './layout.ts';
import { showCancel, submitCancel, submitKeep } from './portal-cancel-page.ts';
import {
  showCardForm,
  showDetails,
  submitCard,
  submitDefault,
  submitDetails,
  submitRemove,
} from './portal-customer-page.ts';
import { showPortal } from './portal-home-page.ts';
import { inPortal } from './portal-session.ts';
import { showChange, showPlans, submitChange } from './portal-update-page.ts';

/** `GET /p/session/{session}/flow`: straight to what the session was opened for. */
function enterFlow(engine: Engine, id: string): Page {
  return inPortal(engine, id, ({ session, home }) => {
    const { flow } = session;
    switch (flow?.type) {
      case undefined:
        return redirect(home);
      case 'customer_update':
        return redirect(`${home}/customer`);
      case 'payment_method_update':
        return redirect(`${home}/payment-methods`);
      case 'subscription_cancel':
        return redirect(`${home}/subscriptions/${flow?.subscription_cancel?.subscription}/cancel`);
      case 'subscription_update':
        return redirect(`${home}/subscriptions/${flow?.subscription_update?.subscription}/update`);
      case 'subscription_update_confirm': {
        const { subscription, items } = flow?.subscription_update_confirm ?? {};
        return redirect(`${home}/subscriptions/${subscription}/update/${items?.[0]?.price}`);
      }
    }
  });
}

type Handler = (path: PathValues, form: URLSearchParams) => Page;

/** The pages of the portal. All are below the session, whose id is the customer's key to them. */
export function portalRoutes(engine: Engine): [method: string, pattern: string, handler: Handler][] {
  const home = '/p/session/{session}';
  const subscription = `${home}/subscriptions/{subscription}`;
  const card = `${home}/payment-methods/{method}`;
  const at =
    (act: (engine: Engine, session: string) => Page): Handler =>
    (path) =>
      act(engine, path.session ?? '');
  const of =
    (name: string, act: (engine: Engine, session: string, id: string, form: URLSearchParams) => Page): Handler =>
    (path, form) =>
      act(engine, path.session ?? '', path[name] ?? '', form);
  return [
    ['GET', home, at(showPortal)],
    ['GET', `${home}/flow`, at(enterFlow)],
    ['GET', `${home}/payment-methods`, at(showCardForm)],
    ['POST', `${home}/payment-methods`, (path, form) => submitCard(engine, path.session ?? '', form)],
    ['POST', `${card}/default`, of('method', submitDefault)],
    ['POST', `${card}/remove`, of('method', submitRemove)],
    ['GET', `${home}/customer`, at(showDetails)],
    ['POST', `${home}/customer`, (path, form) => submitDetails(engine, path.session ?? '', form)],
    ['GET', `${subscription}/cancel`, of('subscription', showCancel)],
    ['POST', `${subscription}/cancel`, of('subscription', submitCancel)],
    ['POST', `${subscription}/keep`, of('subscription', submitKeep)],
    ['GET', `${subscription}/update`, of('subscription', showPlans)],
    [
      'GET',
      `${subscription}/update/{price}`,
      (path) => showChange(engine, path.session ?? '', path.subscription ?? '', path.price ?? ''),
    ],
    [
      'POST',
      `${subscription}/update/{price}`,
      (path, form) => submitChange(engine, path.session ?? '', path.subscription ?? '', path.price ?? '', form),
    ],
  ];
}
