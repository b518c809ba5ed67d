import { z } from 'zod';
import { formatDay, formatInstant } from '../instants.ts';
import { about, instant, mistakeNote, offer, template } from './template.ts';

/** The term of a licence is about to end, or has just ended, and no subscription extends it. */
export const licenseEnding = template(
  z.object({
    ...offer,
    endsAt: instant,
    hasEnded: z.boolean(),
    /** Until when it can be used; null: without end, whatever its term. */
    usableUntil: instant.nullable(),
  }),
  ({ product, plan, endsAt, hasEnded, usableUntil }, context) => {
    const { name, sender } = about(context, product);
    const planName = context.plan(product, plan)?.name ?? plan;
    const ends = hasEnded ? 'ended' : 'ends';
    return {
      subject: `Your ${name} licence ${ends} on ${formatDay(endsAt)}`,
      preview: hasEnded ? 'Its term is over.' : 'It does not renew by itself.',
      heading: `Your ${name} licence ${hasEnded ? 'has ended' : 'ends soon'}`,
      blocks: [
        { kind: 'text', text: `The term of your licence (${planName}) ${ends} on ${formatInstant(endsAt)}.` },
        { kind: 'text', text: access(endsAt, hasEnded, usableUntil) },
        mistakeNote(sender),
      ],
      sender,
    };
  },
);

function access(endsAt: Date, hasEnded: boolean, usableUntil: Date | null): string {
  const renew = 'Renewing it keeps the same key.';
  if (usableUntil === null) return `What you have goes on working. ${renew}`;
  if (usableUntil > endsAt) return `It can be used until ${formatInstant(usableUntil)}. ${renew}`;
  return hasEnded ? `The key does not work any more. ${renew}` : `After that the key does not work. ${renew}`;
}
