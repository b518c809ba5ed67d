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
    /** The plan that is left of the licence meanwhile; null: none. */
    leavesPlan: z.string().nullish(),
  }),
  ({ product, suspendedAt, nextAttemptAt, payUrl, leavesPlan }, context) => {
    const { name, sender } = about(context, product);
    const again =
      nextAttemptAt === null
        ? 'The card will not be tried again by itself.'
        : `The card is tried again on ${formatInstant(nextAttemptAt)}.`;
    const plan = leavesPlan == null ? null : (context.plan(product, leavesPlan)?.name ?? leavesPlan);
    const meanwhile = plan === null ? 'does not work for now' : `is one of the plan ${plan} for now`;
    return {
      subject: `${name} is suspended until it is paid`,
      preview: 'Paying brings it back at once, with the same key.',
      heading: `${name} is suspended`,
      blocks: [
        { kind: 'text', text: `The last payment failed and the days of grace ended on ${formatInstant(suspendedAt)}.` },
        { kind: 'text', text: `Your licence key ${meanwhile}. Paying brings it back at once. ${again}` },
        ...payButton(payUrl),
        mistakeNote(sender),
      ],
      sender,
    };
  },
);
