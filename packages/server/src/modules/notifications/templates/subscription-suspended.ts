import { z } from 'zod';
import { formatInstant } from '../instants.ts';
import { payButton } from './payment-failed.ts';
import { about, instant, mistakeNote, offer, template, webAddress } from './template.ts';

/** The grace is over and nothing was paid. */
export const subscriptionSuspended = template(
  z.object({
    ...offer,
    suspendedAt: instant,
    nextAttemptAt: instant.nullable(),
    payUrl: webAddress.nullable(),
  }),
  ({ product, suspendedAt, nextAttemptAt, payUrl }, context) => {
    const { name, sender } = about(context, product);
    const again =
      nextAttemptAt === null
        ? 'The card will not be tried again by itself.'
        : `The card is tried again on ${formatInstant(nextAttemptAt)}.`;
    return {
      subject: `${name} is suspended until it is paid`,
      preview: 'Paying brings it back at once, with the same key.',
      heading: `${name} is suspended`,
      blocks: [
        { kind: 'text', text: `The last payment failed and the days of grace ended on ${formatInstant(suspendedAt)}.` },
        { kind: 'text', text: `Your licence key does not work for now. Paying brings it back at once. ${again}` },
        ...payButton(payUrl),
        mistakeNote(sender),
      ],
      sender,
    };
  },
);
