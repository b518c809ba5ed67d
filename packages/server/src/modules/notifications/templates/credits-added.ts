import { formatMoney, money } from '@latchkey/core';
import { z } from 'zod';
import { about, amount, mistakeNote, template } from './template.ts';

/** What was bought in advance was added: the receipt. */
export const creditsAdded = template(
  z.object({
    ...amount,
    product: z.string(),
    meter: z.string(),
    /** Decimals in the meter's unit. */
    quantity: z.string(),
    available: z.string(),
  }),
  (data, context) => {
    const { name, sender } = about(context, data.product);
    const { meter, quantity, available } = data;
    return {
      subject: `${quantity} ${meter} were added to your ${name} licence`,
      preview: `You have ${available} ${meter} now.`,
      heading: `${quantity} ${meter} added`,
      blocks: [
        {
          kind: 'text',
          text: `Thank you: your payment arrived, and ${quantity} ${meter} were added to your ${name} licence.`,
        },
        {
          kind: 'facts',
          facts: [
            ['Added', `${quantity} ${meter}`],
            ['Available now', `${available} ${meter}`],
            ['Price', formatMoney(money(data.amountCents, data.currency))],
          ],
        },
        { kind: 'text', text: 'There is nothing for you to do. Your licence key stays the same.' },
        mistakeNote(sender),
      ],
      sender,
    };
  },
);
