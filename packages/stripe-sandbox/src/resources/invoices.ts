import { collectInvoice, recoverSubscription } from '../billing/collection.ts';
import { finalizeInvoice, intentOf, markInvoicePaid, voidInvoice } from '../billing/invoices.ts';
import { setAdvance } from '../billing/manual-invoices.ts';
import { cardError, resolvePaymentMethod } from '../billing/payment-methods.ts';
import { markUncollectible } from '../billing/uncollectible.ts';
import { ApiError, invalidRequest } from '../http/api-error.ts';
import { embeddedList, type Json, type JsonObject } from '../json.ts';
import type { Invoice } from '../objects/invoice.ts';
import { boolean, object, oneOf, range, string } from '../parameters/schema.ts';
import { equals, filter, inRange } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { createPreview } from './invoice-preview.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { createInvoice, deleteInvoice, sendOperation, updateInvoice } from './manual-invoices.ts';
import { operation, type PathValues, pathValue, type Resource } from './resource.ts';

function invoiceAt(work: Work, path: PathValues): Invoice {
  return work.require('invoice', pathValue(path, 'invoice'), 'id');
}

const retrieve = operation({
  method: 'GET',
  route: '/v1/invoices/{invoice}',
  params: object({}),
  run: (work, _params, path) => invoiceAt(work, path),
});

const list = listOperation({
  object: 'invoice',
  route: '/v1/invoices',
  filters: {
    ...CREATED,
    collection_method: oneOf(['charge_automatically', 'send_invoice']),
    customer: string(),
    due_date: range(),
    status: oneOf(['draft', 'open', 'paid', 'uncollectible', 'void']),
    subscription: string(),
  },
  unsupported: ['customer_account'],
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.collection_method', params.collection_method),
    ...filter('$.customer', params.customer),
    ...(params.due_date === undefined ? [] : [inRange('$.due_date', params.due_date)]),
    ...filter('$.status', params.status),
    ...filter('$.parent.subscription_details.subscription', params.subscription),
  ],
});

const finalize = operation({
  method: 'POST',
  route: '/v1/invoices/{invoice}/finalize',
  params: object({ auto_advance: boolean() }),
  run(work, params, path) {
    const invoice = invoiceAt(work, path);
    const open = finalizeInvoice(work, invoice);
    // Nobody is waiting at a schedule: an invoice that goes on by itself is collected in an hour.
    return open.status === 'open' ? setAdvance(work, open, params.auto_advance ?? open.auto_advance) : open;
  },
});

function requirePayable(invoice: Invoice): void {
  if (invoice.status === 'open' || invoice.status === 'uncollectible') return;
  throw invalidRequest(
    invoice.status === 'paid' ? 'Invoice is already paid' : `This invoice cannot be paid: it is ${invoice.status}.`,
    { code: invoice.status === 'paid' ? 'invoice_already_paid' : 'invoice_not_editable' },
  );
}

const pay = operation({
  method: 'POST',
  route: '/v1/invoices/{invoice}/pay',
  params: object({ off_session: boolean(), paid_out_of_band: boolean(), payment_method: string() }, [
    'forgive',
    'mandate',
    'source',
  ]),
  run(work, params, path) {
    const found = invoiceAt(work, path);
    const invoice = found.status === 'draft' ? finalizeInvoice(work, found) : found;
    if (found.status === 'draft' && invoice.status === 'paid') return invoice;
    requirePayable(invoice);
    if (params.paid_out_of_band === true) {
      const paid = markInvoicePaid(work, invoice, null);
      recoverSubscription(work, paid, null);
      return work.get('invoice', paid.id);
    }
    const chosen = params.payment_method;
    const outcome = collectInvoice(work, invoice, {
      automatic: false,
      offSession: params.off_session ?? true,
      authentication: null,
      ...(chosen === undefined ? {} : { paymentMethod: resolvePaymentMethod(work, chosen, 'payment_method') }),
    });
    switch (outcome.kind) {
      case 'paid':
        return work.get('invoice', invoice.id);
      case 'failed':
        throw cardError(
          outcome.decline,
          null,
          { payment_intent: outcome.intent, ...(outcome.charge === null ? {} : { charge: outcome.charge }) },
          true,
        );
      case 'requires_action':
        throw new ApiError(
          402,
          'card_error',
          'This payment requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent of the invoice.',
          { code: 'invoice_payment_intent_requires_action', payment_intent: outcome.intent },
          true,
        );
    }
  },
});

const voiding = operation({
  method: 'POST',
  route: '/v1/invoices/{invoice}/void',
  params: object({}),
  run: (work, _params, path) => voidInvoice(work, invoiceAt(work, path)),
});

const uncollectible = operation({
  method: 'POST',
  route: '/v1/invoices/{invoice}/mark_uncollectible',
  params: object({}),
  run(work, _params, path) {
    const invoice = invoiceAt(work, path);
    if (invoice.status !== 'open') throw invalidRequest('You can only mark open invoices as uncollectible.');
    return markUncollectible(work, invoice);
  },
});

function paymentsOf(work: Work, invoice: JsonObject): Json {
  const id = String(invoice.id);
  const payments = work.select('invoice_payment', [equals('$.invoice', id)]).reverse();
  return embeddedList(`/v1/invoice_payments?invoice=${id}`, payments);
}

/** What a browser needs to pay the invoice. */
function confirmationSecret(work: Work, invoice: JsonObject): Json {
  const intent = intentOf(work, String(invoice.id));
  return intent === undefined ? null : { client_secret: intent.client_secret, type: 'payment_intent' };
}

export const invoices: Resource = {
  object: 'invoice',
  operations: [
    createPreview,
    createInvoice,
    retrieve,
    updateInvoice,
    deleteInvoice,
    list,
    finalize,
    pay,
    sendOperation,
    voiding,
    uncollectible,
  ],
  expandable: {
    confirmation_secret: confirmationSecret,
    customer: 'customer',
    default_payment_method: 'payment_method',
    discounts: 'discount',
    'parent.subscription_details.subscription': 'subscription',
    payments: paymentsOf,
    test_clock: 'test_helpers.test_clock',
    'total_discount_amounts.discount': 'discount',
  },
};
