import { formatAmount } from '../billing/amounts.ts';
import { collectInvoice } from '../billing/collection.ts';
import { attachPaymentMethod } from '../billing/payment-methods.ts';
import { runKeepingDeclines } from '../control/acts.ts';
import type { Engine } from '../engine.ts';
import { ApiError } from '../http/api-error.ts';
import type { Invoice } from '../objects/invoice.ts';
import { BY_THE_CLOCK, type Work } from '../work.ts';
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
import { notFound, type Page, page, redirect } from './layout.ts';

function invoiceAt(work: Work, id: string, path: string): Invoice | undefined {
  const invoice = work.find('invoice', id);
  return invoice?.hosted_invoice_url === `${work.settings.publicUrl}${path}` ? invoice : undefined;
}

function invoicePage(
  invoice: Invoice,
  state: { typed: Typed; errors: FieldErrors; problem: string | null; status: number },
): Page {
  const { typed, errors, problem } = state;
  const amount = formatAmount(invoice.amount_remaining, invoice.currency);
  const payable = invoice.status === 'open';
  return page(
    state.status,
    `Invoice ${invoice.number ?? ''}`,
    html`<section>
<h1>Invoice ${invoice.number ?? ''}</h1>
<p class="total">${formatAmount(invoice.amount_due, invoice.currency)}</p>
<p>${payable ? 'To be paid' : `Status: ${invoice.status}`}</p>
<dl>${invoice.lines.data.map(
      (line) => html`<dt>${line.description}</dt><dd>${formatAmount(line.amount, line.currency)}</dd>`,
    )}</dl>
</section>
${
  payable &&
  html`<form method="post" novalidate>
${problem !== null && html`<p class="bad" role="alert">${problem}</p>`}
${cardFields(typed, errors)}
<button>Pay ${amount}</button>
</form>
<section>${testCardList()}</section>`
}`,
  );
}

/** `GET /i/{invoice}/{secret}`: the hosted invoice. */
export function showInvoice(engine: Engine, id: string, path: string): Page {
  return engine.run(BY_THE_CLOCK, (work) => {
    const invoice = invoiceAt(work, id, path);
    if (invoice === undefined) return notFound();
    return invoicePage(invoice, {
      typed: { ...PREFILLED, email: '', name: '' },
      errors: {},
      problem: null,
      status: 200,
    });
  });
}

/** `POST /i/{invoice}/{secret}`: pays it with the card given, which becomes the customer's default. */
export function submitInvoice(engine: Engine, id: string, path: string, form: URLSearchParams): Page {
  const typed = readTyped(form);
  const again = (status: number, errors: FieldErrors, problem: string): Page =>
    engine.run(BY_THE_CLOCK, (work) => invoicePage(work.get('invoice', id), { typed, errors, problem, status }));
  try {
    return runKeepingDeclines(engine, (work) => {
      const invoice = invoiceAt(work, id, path);
      if (invoice === undefined) return notFound();
      if (invoice.status !== 'open') return redirect(path);
      const errors = cardErrors(typed, work.nowMs);
      if (Object.keys(errors).length > 0) {
        return invoicePage(invoice, { typed, errors, problem: 'Please check the marked fields.', status: 400 });
      }
      const customer = work.get('customer', invoice.customer);
      const paymentMethod = attachPaymentMethod(work, typedPaymentMethod(work, typed, customer.email), customer.id);
      const settings = { ...customer.invoice_settings, default_payment_method: paymentMethod.id };
      work.update(customer, { invoice_settings: settings }, 'customer.updated');
      const attempt = { automatic: false, offSession: false, authentication: 'success' as const, paymentMethod };
      const outcome = collectInvoice(work, invoice, attempt);
      if (outcome.kind === 'failed') {
        throw new ApiError(402, 'card_error', outcome.decline.message, { code: outcome.decline.code }, true);
      }
      return redirect(path);
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return again(error.status, {}, error.message);
  }
}
