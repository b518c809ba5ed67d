import { z } from 'zod';
import { formatInstant } from '../instants.ts';
import { about, instant, offer, template } from './template.ts';

/** The subscription is over. */
export const subscriptionCanceled = template(
  z.object({
    ...offer,
    canceledAt: instant,
    /** Until when the licence can still be used; null: it ended with the subscription. */
    usableUntil: instant.nullable(),
  }),
  ({ product, canceledAt, usableUntil }, context) => {
    const { name, sender } = about(context, product);
    const access =
      usableUntil === null || usableUntil <= canceledAt
        ? 'The licence ended with it, and the key does not work any more.'
        : `What you paid for stays yours: the key works until ${formatInstant(usableUntil)}.`;
    return {
      subject: `Your ${name} subscription is canceled`,
      preview: 'Nothing more will be charged.',
      heading: `Your ${name} subscription is canceled`,
      blocks: [
        { kind: 'text', text: `The subscription ended on ${formatInstant(canceledAt)}. Nothing more will be charged.` },
        { kind: 'text', text: access },
        { kind: 'note', text: 'You are welcome back at any time.' },
      ],
      sender,
    };
  },
);
