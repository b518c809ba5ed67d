import Stripe from 'stripe';
import type { Calls } from './calls.ts';
import { PAGE } from './calls.ts';
import { METER_PAYLOAD } from './catalog.ts';

/** Something that was used, as a meter of Stripe's is told. */
export interface MeterReport {
  eventName: string;
  /** Stripe counts a report once under it, for at least a day. */
  identifier: string;
  customerId: string;
  /** In units of the meter, as a decimal. */
  value: string;
  /** In whole seconds. */
  at: number;
}

/** An amount on an invoice: on a draft, on the next of a subscription, or on one of its own. */
export interface InvoiceAmount {
  customerId: string;
  to: { invoice: string } | { subscription: string } | { paymentMethod: string | null };
  amountCents: number;
  currency: string;
  description: string;
  /** In whole seconds. */
  period: { start: number; end: number };
  metadata: Record<string, string>;
}

/** A line, or what is going to be one, that bills a metered price. */
export interface MeasuredLine {
  /** Null for what waits for the next invoice. */
  invoice: string | null;
  isDraft: boolean;
  priceId: string;
  /** In units, as a decimal. */
  quantity: string;
  amountCents: number;
  /** In whole seconds. */
  start: number;
  end: number;
}

export interface StripeOverage {
  /** Reports what was used. A report that Stripe has already is as good as made. */
  reportUse(report: MeterReport): Promise<void>;
  /** What a meter has counted of a customer in whole minutes, as a decimal. */
  counted(meterId: string, customerId: string, from: number, until: number): Promise<string>;
  /** Puts an amount on an invoice and answers the item's id. One of its own goes its way in an hour, like a renewal's. */
  billAmount(amount: InvoiceAmount, idempotencyKey: string): Promise<string>;
  /** Puts what waits for the next invoice of a subscription, and carries this note, on an invoice of its own. */
  billWaiting(
    of: { subscription: string; customerId: string; currency: string; paymentMethod: string | null; noteKey: string },
    idempotencyKey: string,
  ): Promise<void>;
  /** The item with this note among the latest hundred of a customer; null when there is none. */
  findAmount(customerId: string, note: { key: string; value: string }): Promise<string | null>;
  /** What is billed by these prices on a subscription's invoices since then, and on the items that wait for its next. */
  measuredLines(of: {
    subscription: string;
    customerId: string;
    priceIds: readonly string[];
    since: number;
  }): Promise<MeasuredLine[]>;
  /** The subscription's invoice that is not final yet; null when there is none. */
  draftOf(subscription: string): Promise<string | null>;
  /** Ends and begins metered items; nothing is charged or given back for it. */
  changeMeteredItems(
    subscription: string,
    change: { adds: readonly string[]; removes: readonly string[] },
    idempotencyKey: string,
  ): Promise<void>;
}

const KNOWN_REPORT = 'duplicate_meter_event';

export function overageCalls({ sdk, call }: Calls): StripeOverage {
  async function linesOf(invoice: Stripe.Invoice): Promise<Stripe.InvoiceLineItem[]> {
    const lines = [...invoice.lines.data];
    for (let hasMore = invoice.lines.has_more; hasMore; ) {
      const after = lines.at(-1);
      if (invoice.id === undefined || after === undefined) break;
      const page = { limit: PAGE, starting_after: after.id };
      const id = invoice.id;
      const list = await call('invoices.list_lines', () => sdk.invoices.listLineItems(id, page));
      lines.push(...list.data);
      hasMore = list.has_more;
    }
    return lines;
  }

  /** A draft with nothing on it yet, which becomes final in an hour. */
  async function ownInvoice(
    of: { customerId: string; currency: string; paymentMethod: string | null; metadata: Record<string, string> },
    idempotencyKey: string,
  ): Promise<string> {
    const { customerId, currency, paymentMethod, metadata } = of;
    const params: Stripe.InvoiceCreateParams = {
      ...{ customer: customerId, currency, metadata, auto_advance: true, pending_invoice_items_behavior: 'exclude' },
      ...(paymentMethod === null ? {} : { default_payment_method: paymentMethod }),
    };
    const invoice = await call('invoices.create', () => sdk.invoices.create(params, { idempotencyKey }));
    return invoice.id ?? '';
  }

  return {
    async reportUse({ eventName, identifier, customerId, value, at }) {
      const payload = { [METER_PAYLOAD.customer]: customerId, [METER_PAYLOAD.value]: value };
      await call('billing.meter_events.create', () =>
        sdk.billing.meterEvents
          .create({ event_name: eventName, identifier, payload, timestamp: at })
          .catch((error: unknown) => {
            if (error instanceof Stripe.errors.StripeError && isKnownReport(error)) return null;
            throw error;
          }),
      );
    },

    async counted(meterId, customer, from, until) {
      const list = await call('billing.meters.list_event_summaries', () =>
        sdk.billing.meters.listEventSummaries(meterId, {
          customer,
          start_time: from - (from % 60),
          end_time: until + ((60 - (until % 60)) % 60),
          limit: 1,
        }),
      );
      return String(list.data[0]?.aggregated_value ?? 0);
    },

    async billAmount({ customerId, to, amountCents, currency, description, ...rest }, idempotencyKey) {
      // What was kept as JSON may come back in another order, and must be sent again as it was.
      const metadata = Object.fromEntries(Object.entries(rest.metadata).sort());
      const period = { start: rest.period.start, end: rest.period.end };
      const isOwn = 'paymentMethod' in to;
      const where = isOwn
        ? { invoice: await ownInvoice({ customerId, currency, metadata, ...to }, `${idempotencyKey}:invoice`) }
        : to;
      const item = { customer: customerId, amount: amountCents, currency, description, period, metadata };
      const made = await call('invoice_items.create', () =>
        sdk.invoiceItems.create({ ...item, ...where }, { idempotencyKey }),
      );
      return made.id;
    },

    async billWaiting({ subscription, noteKey, ...of }, idempotencyKey) {
      const page = { customer: of.customerId, pending: true, limit: PAGE };
      const list = await call('invoice_items.list', () => sdk.invoiceItems.list(page));
      const own = list.data.filter(
        ({ metadata, parent }) =>
          metadata?.[noteKey] !== undefined && parent?.subscription_details?.subscription === subscription,
      );
      if (own.length === 0) return;
      const invoice = await ownInvoice({ ...of, metadata: {} }, `${idempotencyKey}:invoice`);
      const lines = own.map(({ id }) => ({ invoice_item: id }));
      await call('invoices.add_lines', () => sdk.invoices.addLines(invoice, { lines }, { idempotencyKey }));
    },

    async findAmount(customer, { key, value }) {
      const list = await call('invoice_items.list', () => sdk.invoiceItems.list({ customer, limit: PAGE }));
      return list.data.find(({ metadata }) => metadata?.[key] === value)?.id ?? null;
    },

    async measuredLines({ subscription, customerId, priceIds, since }) {
      const list = await call('invoices.list', () =>
        sdk.invoices.list({ subscription, created: { gte: since }, limit: PAGE }),
      );
      const found: MeasuredLine[] = [];
      for (const invoice of list.data) {
        for (const line of await linesOf(invoice)) {
          const priceId = priceOf(line);
          if (priceId === null || !priceIds.includes(priceId)) continue;
          const { quantity_decimal: quantity, amount: amountCents, period } = line;
          const of = { invoice: invoice.id ?? null, isDraft: invoice.status === 'draft', priceId };
          found.push({ ...of, quantity: String(quantity ?? line.quantity ?? 0), amountCents, ...period });
        }
      }
      const pending = await call('invoice_items.list', () =>
        sdk.invoiceItems.list({ customer: customerId, pending: true, limit: PAGE }),
      );
      for (const item of pending.data) {
        const priceId = priceOf(item);
        if (priceId === null || !priceIds.includes(priceId)) continue;
        if (item.parent?.subscription_details?.subscription !== subscription) continue;
        const { quantity_decimal: quantity, amount: amountCents, period } = item;
        found.push({ invoice: null, isDraft: false, priceId, quantity: String(quantity), amountCents, ...period });
      }
      return found;
    },

    async draftOf(subscription) {
      const list = await call('invoices.list', () => sdk.invoices.list({ subscription, status: 'draft', limit: 1 }));
      return list.data[0]?.id ?? null;
    },

    async changeMeteredItems(subscription, { adds, removes }, idempotencyKey) {
      const items = [...adds.map((price) => ({ price })), ...removes.map((id) => ({ id, deleted: true }))];
      await call('subscriptions.change', () =>
        sdk.subscriptions.update(subscription, { items, proration_behavior: 'none' }, { idempotencyKey }),
      );
    },
  };
}

/** Stripe says so by a code or, where it has none, in words. */
function isKnownReport({ code, message, param }: Stripe.errors.StripeError): boolean {
  return code === KNOWN_REPORT || (param === 'identifier' && /already exists/i.test(message));
}

function priceOf({ pricing }: Pick<Stripe.InvoiceLineItem | Stripe.InvoiceItem, 'pricing'>): string | null {
  const price = pricing?.price_details?.price;
  return price === undefined ? null : typeof price === 'string' ? price : price.id;
}
