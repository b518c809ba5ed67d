import { formatAmount } from '../billing/amounts.ts';
import { completeSession, planOfSession } from '../billing/checkout.ts';
import { enterCode } from '../billing/checkout-discounts.ts';
import { needsAuthentication } from '../billing/payment-methods.ts';
import { runKeepingDeclines } from '../control/acts.ts';
import type { Engine } from '../engine.ts';
import { ApiError } from '../http/api-error.ts';
import { type CheckoutSession, saleOf } from '../objects/checkout-session.ts';
import { BY_THE_CLOCK, type Work } from '../work.ts';
import {
  cardErrors,
  cardFields,
  emailField,
  type FieldErrors,
  PREFILLED,
  readTyped,
  type Typed,
  testCardList,
  typedPaymentMethod,
} from './card-form.ts';
import { html } from './html.ts';
import { notFound, notice, type Page, page, redirect } from './layout.ts';
import { priceText } from './price-text.ts';

/** What the buyer's address is, where the session or its customer already says so. */
function knownEmail(work: Work, session: CheckoutSession): string | null {
  const customer = session.customer === null ? undefined : work.find('customer', session.customer);
  return customer?.email ?? session.customer_email;
}

function summary(work: Work, session: CheckoutSession) {
  if (session.mode === 'setup') {
    return html`<section>
<h1>Save card</h1>
<p class="soft">Nothing is charged now.</p>
</section>`;
  }
  const { currency, off, total } = saleOf(session);
  const { lines, subscription } = planOfSession(work, session);
  const trialDays = subscription.trialPeriodDays;
  return html`<section>
<h1>${session.mode === 'subscription' ? 'Subscribe' : 'Pay'}</h1>
<p class="total">${formatAmount(total, currency)}</p>
<dl>${lines.map(
    (line) => html`<dt>${line.description}${(line.quantity ?? 1) > 1 && ` × ${line.quantity}`}
<span class="soft">${priceText(line.price)}</span></dt>
<dd>${formatAmount(line.amount_total, line.currency)}</dd>`,
  )}</dl>
${trialDays !== null && html`<p class="soft">${trialDays} days free.</p>`}
${off > 0 && html`<p class="soft">Discount: −${formatAmount(off, currency)}</p>`}
</section>`;
}

function codeForm(session: CheckoutSession) {
  return (
    session.allow_promotion_codes === true &&
    html`<form method="post">
<input type="hidden" name="step" value="code">
<label for="code">Promotion code</label>
<input id="code" name="code" autocomplete="off">
<button class="second">Apply</button>
</form>`
  );
}

function buttonText(session: CheckoutSession): string {
  if (session.mode === 'setup') return 'Save card';
  const { currency, total } = saleOf(session);
  return `${session.mode === 'subscription' ? 'Subscribe' : 'Pay'} ${formatAmount(total, currency)}`;
}

function whatNeedsTheBank(session: CheckoutSession): string {
  if (session.mode === 'setup') return 'Saving this card';
  const { currency, total } = saleOf(session);
  return `A payment of ${formatAmount(total, currency)}`;
}

function formPage(
  work: Work,
  session: CheckoutSession,
  state: { typed: Typed; errors: FieldErrors; problem: string | null; status: number },
): Page {
  const email = knownEmail(work, session);
  const { typed, errors, problem } = state;
  return page(
    state.status,
    'Checkout',
    html`${summary(work, session)}
${codeForm(session)}
<form method="post" novalidate>
${problem !== null && html`<p class="bad" role="alert">${problem}</p>`}
<input type="hidden" name="step" value="pay">
${email === null ? emailField(typed, errors.email) : html`<p>${session.mode === 'setup' ? 'Saving' : 'Paying'} as <strong>${email}</strong></p>`}
${cardFields(typed, errors)}
<button>${buttonText(session)}</button>
</form>
<section>${testCardList()}</section>
${session.cancel_url !== null && html`<p><a href="${session.cancel_url}">Cancel and go back</a></p>`}`,
  );
}

/** The bank's question, as a small page of its own. */
function authenticationPage(session: CheckoutSession, paymentMethod: string, typed: Typed): Page {
  return page(
    200,
    'Authenticate',
    html`<form method="post">
<h1>Your bank asks you to confirm</h1>
<p>${whatNeedsTheBank(session)} needs 3-D Secure.</p>
<input type="hidden" name="step" value="authenticate">
<input type="hidden" name="payment_method" value="${paymentMethod}">
<input type="hidden" name="email" value="${typed.email}">
<input type="hidden" name="name" value="${typed.name}">
<button name="outcome" value="success">Complete authentication</button>
<button name="outcome" value="fail" class="second">Fail authentication</button>
</form>`,
  );
}

function successUrl(session: CheckoutSession): string {
  return session.success_url.replaceAll('{CHECKOUT_SESSION_ID}', session.id);
}

function closedPage(session: CheckoutSession): Page {
  return session.status === 'complete'
    ? notice(
        200,
        'You’re all done here',
        session.mode === 'setup' ? 'The card is saved.' : 'This checkout has been paid already.',
      )
    : notice(410, 'This link has expired', 'Ask for a new checkout; this one can no longer be paid.');
}

/** `GET /c/pay/{session}` */
export function showCheckout(engine: Engine, id: string): Page {
  return engine.run(BY_THE_CLOCK, (work) => {
    const session = work.find('checkout.session', id);
    if (session === undefined) return notFound();
    if (session.status !== 'open') return closedPage(session);
    const typed = { ...PREFILLED, email: '', name: '' };
    return formPage(work, session, { typed, errors: {}, problem: null, status: 200 });
  });
}

function pay(work: Work, session: CheckoutSession, typed: Typed): Page {
  const email = knownEmail(work, session) ?? typed.email;
  const errors = cardErrors(typed, work.nowMs);
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) errors.email = 'Give an e-mail address, like you@example.com.';
  if (Object.keys(errors).length > 0) {
    return formPage(work, session, { typed, errors, problem: 'Please check the marked fields.', status: 400 });
  }
  const paymentMethod = typedPaymentMethod(work, typed, email);
  if (session.amount_total !== 0 && needsAuthentication(work, paymentMethod, false)) {
    return authenticationPage(session, paymentMethod.id, typed);
  }
  const buyer = { paymentMethod, email, name: typed.name || null, authentication: 'success' as const };
  return redirect(successUrl(completeSession(work, session, buyer)));
}

function authenticate(work: Work, session: CheckoutSession, typed: Typed, form: URLSearchParams): Page {
  const paymentMethod = work.find('payment_method', form.get('payment_method') ?? '');
  if (paymentMethod === undefined || paymentMethod.customer !== null) return notFound();
  const email = knownEmail(work, session) ?? typed.email;
  const authentication = form.get('outcome') === 'success' ? 'success' : 'fail';
  const buyer = { paymentMethod, email, name: typed.name || null, authentication } as const;
  return redirect(successUrl(completeSession(work, session, buyer)));
}

/** `POST /c/pay/{session}`: pays, or shows the form again with what was wrong. */
export function submitCheckout(engine: Engine, id: string, form: URLSearchParams): Page {
  const typed = readTyped(form);
  try {
    return runKeepingDeclines(engine, (work) => {
      const session = work.find('checkout.session', id);
      if (session === undefined) return notFound();
      if (session.status !== 'open') return closedPage(session);
      if (form.get('step') === 'code') {
        enterCode(work, session, (form.get('code') ?? '').trim());
        return redirect(`/c/pay/${session.id}`);
      }
      if (form.get('step') === 'authenticate') return authenticate(work, session, typed, form);
      return pay(work, session, typed);
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return engine.run(BY_THE_CLOCK, (work) => {
      const session = work.get('checkout.session', id);
      const again = typed.number === '' ? { ...typed, ...PREFILLED } : typed;
      return formPage(work, session, { typed: again, errors: {}, problem: error.message, status: error.status });
    });
  }
}
