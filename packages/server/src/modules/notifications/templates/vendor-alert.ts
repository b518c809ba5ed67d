import { formatMoney, money } from '@latchkey/core';
import { z } from 'zod';
import { formatInstant } from '../instants.ts';
import { amount, instant, template } from './template.ts';

/** To the vendor: money that did not come, or is about to go. */
export const vendorAlert = template(
  z.object({
    ...amount,
    what: z.enum(['payment_failed', 'dispute']),
    /** Stripe's id of the invoice or dispute. */
    object: z.string(),
    /** Whose it is, as far as is known. */
    customer: z.string().nullable(),
    /** Until when Stripe wants an answer, or tries again. */
    due: instant.nullable(),
    reason: z.string().nullable(),
  }),
  ({ what, object, amountCents, currency, customer, due, reason }, { house }) => {
    const sum = formatMoney(money(amountCents, currency));
    const isDispute = what === 'dispute';
    const facts: [string, string][] = [
      [isDispute ? 'Dispute' : 'Invoice', object],
      ['Amount', sum],
      ['Customer', customer ?? 'unknown'],
    ];
    if (reason !== null) facts.push(['Reason', reason]);
    if (due !== null) facts.push([isDispute ? 'Answer until' : 'Tried again', formatInstant(due)]);
    return {
      subject: isDispute ? `A payment of ${sum} is disputed` : `A payment of ${sum} failed`,
      preview: isDispute ? 'Stripe wants an answer.' : 'The customer was written to.',
      heading: isDispute ? 'A payment is disputed' : 'A payment failed',
      blocks: [
        { kind: 'facts', facts },
        {
          kind: 'text',
          text: isDispute
            ? 'Answer it in Stripe’s dashboard. What it does to the licence is what the catalog says.'
            : 'The customer was written to; later attempts on this invoice are not reported here.',
        },
      ],
      sender: house,
    };
  },
);
