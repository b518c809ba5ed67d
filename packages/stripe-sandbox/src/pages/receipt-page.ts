import { formatAmount } from '../billing/amounts.ts';
import type { Engine } from '../engine.ts';
import { BY_THE_CLOCK } from '../work.ts';
import { html } from './html.ts';
import { notFound, type Page, page } from './layout.ts';

/** `GET /receipts/{charge}`: where a charge's `receipt_url` leads. */
export function showReceipt(engine: Engine, id: string): Page {
  return engine.run(BY_THE_CLOCK, (work) => {
    const charge = work.find('charge', id);
    if (charge === undefined || charge.status !== 'succeeded') return notFound();
    const { card } = charge.payment_method_details;
    return page(
      200,
      'Receipt',
      html`<section>
<h1>Receipt</h1>
<p class="total">${formatAmount(charge.amount, charge.currency)}</p>
<dl>
<dt>Paid on</dt><dd>${new Date(charge.created * 1000).toISOString().slice(0, 10)}</dd>
<dt>Card</dt><dd>${card.brand} ending in ${card.last4}</dd>
${charge.amount_refunded > 0 && html`<dt>Refunded</dt><dd>${formatAmount(charge.amount_refunded, charge.currency)}</dd>`}
</dl>
</section>`,
    );
  });
}
