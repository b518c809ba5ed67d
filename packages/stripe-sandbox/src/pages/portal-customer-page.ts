import { attachPaymentMethod } from '../billing/payment-methods.ts';
import { makeDefault } from '../billing/portal.ts';
import type { Engine } from '../engine.ts';
import type { Customer } from '../objects/customer.ts';
import type { PaymentMethod } from '../objects/payment-method.ts';
import { detachPaymentMethod } from '../resources/payment-methods.ts';
import {
  cardErrors,
  cardFields,
  type FieldErrors,
  PREFILLED,
  readTyped,
  type Typed,
  testCardList,
  typedPaymentMethod,
} from './card-form.ts';
import { html } from './html.ts';
import { notFound, type Page, redirect } from './layout.ts';
import { afterDoing, inPortal, type Portal, portalPage } from './portal-session.ts';

function cardPage(portal: Portal, typed: Typed, errors: FieldErrors, problem: string | null, status: number): Page {
  if (!portal.configuration.features.payment_method_update.enabled) return notFound();
  return portalPage(
    portal,
    'Add a card',
    html`<form method="post" novalidate>
<h1>Add a card</h1>
<p class="soft">It becomes the card that everything is paid with.</p>
${problem !== null && html`<p class="bad" role="alert">${problem}</p>`}
${cardFields(typed, errors)}
<button>Add</button>
</form>
<section>${testCardList()}</section>`,
    status,
  );
}

/** `GET /p/session/{session}/payment-methods` */
export function showCardForm(engine: Engine, session: string): Page {
  const typed = { ...PREFILLED, email: '', name: '' };
  return inPortal(engine, session, (portal) => cardPage(portal, typed, {}, null, 200));
}

/** `POST /p/session/{session}/payment-methods`: adds a card and makes it the default. */
export function submitCard(engine: Engine, session: string, form: URLSearchParams): Page {
  const typed = readTyped(form);
  return inPortal(
    engine,
    session,
    (portal) => {
      const { work, configuration, customer } = portal;
      if (!configuration.features.payment_method_update.enabled) return notFound();
      const errors = cardErrors(typed, work.nowMs);
      if (Object.keys(errors).length > 0)
        return cardPage(portal, typed, errors, 'Please check the marked fields.', 400);
      const method = attachPaymentMethod(work, typedPaymentMethod(work, typed, customer.email), customer.id);
      makeDefault(work, customer, method);
      return afterDoing(portal, 'payment_method_update');
    },
    (portal, problem) => cardPage(portal, typed, {}, problem.message, problem.status),
  );
}

/** The card of this customer's that a path names. */
function ownCard({ work, configuration, customer }: Portal, id: string): PaymentMethod | undefined {
  const method = work.find('payment_method', id);
  const own = configuration.features.payment_method_update.enabled && method?.customer === customer.id;
  return own ? method : undefined;
}

/** `POST /p/session/{session}/payment-methods/{payment_method}/default` */
export function submitDefault(engine: Engine, session: string, id: string): Page {
  return inPortal(engine, session, (portal) => {
    const method = ownCard(portal, id);
    if (method === undefined) return notFound();
    makeDefault(portal.work, portal.customer, method);
    return redirect(portal.home);
  });
}

/** `POST /p/session/{session}/payment-methods/{payment_method}/remove`: any but the default. */
export function submitRemove(engine: Engine, session: string, id: string): Page {
  return inPortal(engine, session, (portal) => {
    const method = ownCard(portal, id);
    const isDefault = portal.customer.invoice_settings.default_payment_method === id;
    if (method === undefined || isDefault) return notFound();
    detachPaymentMethod(portal.work, method);
    return redirect(portal.home);
  });
}

const FIELDS = {
  name: { label: 'Name', type: 'text', autocomplete: 'name', longest: 256 },
  email: { label: 'Email', type: 'email', autocomplete: 'email', longest: 512 },
  phone: { label: 'Phone', type: 'tel', autocomplete: 'tel', longest: 20 },
} as const;

type Details = Pick<Customer, keyof typeof FIELDS>;

function detailsPage(portal: Portal, details: Partial<Details>, problem: string | null, status: number): Page {
  const { allowed_updates: allowed, enabled } = portal.configuration.features.customer_update;
  if (!enabled) return notFound();
  return portalPage(
    portal,
    'Your details',
    html`<form method="post" novalidate>
<h1>Your details</h1>
${problem !== null && html`<p class="bad" role="alert" id="problem">${problem}</p>`}
${allowed.map((name) => {
  const { label, type, autocomplete } = FIELDS[name];
  const invalid = problem !== null && name === 'email' && html` aria-invalid="true" aria-describedby="problem"`;
  return html`<label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" value="${details[name] ?? ''}"${invalid}>`;
})}
<button>Save</button>
</form>`,
    status,
  );
}

/** `GET /p/session/{session}/customer` */
export function showDetails(engine: Engine, session: string): Page {
  return inPortal(engine, session, (portal) => detailsPage(portal, portal.customer, null, 200));
}

/** `POST /p/session/{session}/customer`: changes what the configuration lets customers change. */
export function submitDetails(engine: Engine, session: string, form: URLSearchParams): Page {
  return inPortal(engine, session, (portal) => {
    const { allowed_updates: allowed, enabled } = portal.configuration.features.customer_update;
    if (!enabled) return notFound();
    const details: Partial<Details> = {};
    for (const name of allowed) {
      const text = form.get(name)?.trim().slice(0, FIELDS[name].longest);
      if (text !== undefined) details[name] = text === '' ? null : text;
    }
    if (details.email !== undefined && !/^[^\s@]+@[^\s@]+$/.test(details.email ?? '')) {
      return detailsPage(portal, details, 'Give an email address, like you@example.com.', 400);
    }
    portal.work.update(portal.customer, details, 'customer.updated');
    return afterDoing(portal, 'customer_update');
  });
}
