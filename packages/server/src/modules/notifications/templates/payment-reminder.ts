import { formatMoney, money } from '@latchkey/core';
import { z } from 'zod';
import { formatDay, formatInstant } from '../instants.ts';
import { payButton } from './payment-failed.ts';
import { about, amount, instant, mistakeNote, offer, template, webAddress } from './template.ts';

/** A day is left of the grace time. */
export const paymentReminder = template(
  z.object({
    ...offer,
    ...amount,
    graceUntil: instant,
    nextAttemptAt: instant.nullable(),
    payUrl: webAddress.nullable(),
    /** The plan that is left after the grace time; null: the licence is suspended. */
    leavesPlan: z.string().nullable(),
  }),
  ({ product, amountCents, currency, graceUntil, nextAttemptAt, payUrl, leavesPlan }, context) => {
    const { name, sender } = about(context, product);
    const until = formatInstant(graceUntil);
    const plan = leavesPlan === null ? null : (context.plan(product, leavesPlan)?.name ?? leavesPlan);
    const after = plan === null ? 'After that the licence is suspended' : `After that the plan ${plan} is left of it`;
    const again =
      nextAttemptAt === null
        ? 'The card will not be tried again by itself.'
        : `The card is tried again on ${formatInstant(nextAttemptAt)}.`;
    return {
      subject: `${name} is still not paid – please act by ${formatDay(graceUntil)}`,
      preview: `Everything works until ${until}.`,
      heading: `${name} is still not paid`,
      blocks: [
        {
          kind: 'text',
          text: `${formatMoney(money(amountCents, currency))} for ${name} could not be charged yet. Everything works until ${until}. ${after} until it is paid.`,
        },
        { kind: 'text', text: again },
        ...payButton(payUrl),
        mistakeNote(sender),
      ],
      sender,
    };
  },
);
