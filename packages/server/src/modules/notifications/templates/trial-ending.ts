import { formatMoney, money } from '@latchkey/core';
import { z } from 'zod';
import { formatDay, formatInstant } from '../instants.ts';
import { about, amount, instant, mistakeNote, offer, template } from './template.ts';

/** A trial ends soon, and what comes then. */
export const trialEnding = template(
  z.object({ ...offer, ...amount, trialEndsAt: instant }),
  ({ product, plan, amountCents, currency, trialEndsAt }, context) => {
    const { name, sender } = about(context, product);
    const price = amountCents === 0 ? 'what you use' : formatMoney(money(amountCents, currency));
    return {
      subject: `Your trial of ${name} ends on ${formatDay(trialEndsAt)}`,
      preview: `After that it costs ${price}.`,
      heading: `Your trial of ${name} ends soon`,
      blocks: [
        { kind: 'text', text: `The trial ends on ${formatInstant(trialEndsAt)}.` },
        {
          kind: 'facts',
          facts: [
            ['Plan', context.plan(product, plan)?.name ?? plan],
            ['Price after the trial', price],
          ],
        },
        {
          kind: 'text',
          text: 'With a card on file it is charged then, and you need to do nothing. Without one it cannot go on.',
        },
        { kind: 'text', text: 'If you do not want to stay, cancel before that moment.' },
        mistakeNote(sender),
      ],
      sender,
    };
  },
);
