import { formatMoney, money } from '@latchkey/core';
import { z } from 'zod';
import { formatDay, formatInstant } from '../instants.ts';
import { about, amount, instant, offer, template } from './template.ts';

/** What had failed is paid. */
export const paymentRecovered = template(z.object({ ...offer, ...amount, paidThrough: instant }), (data, context) => {
  const { name, sender } = about(context, data.product);
  return {
    subject: `${name} is paid again, until ${formatDay(data.paidThrough)}`,
    preview: 'The payment went through. Everything works as before.',
    heading: `${name} is paid again`,
    blocks: [
      { kind: 'text', text: 'Thank you: the payment went through. Everything works as before, with the same key.' },
      {
        kind: 'facts',
        facts: [
          ['Plan', context.plan(data.product, data.plan)?.name ?? data.plan],
          ['Paid', formatMoney(money(data.amountCents, data.currency))],
          ['Paid until', formatInstant(data.paidThrough)],
        ],
      },
      { kind: 'text', text: 'There is nothing for you to do.' },
    ],
    sender,
  };
});
