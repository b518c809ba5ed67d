import { z } from 'zod';
import { formatDay, formatInstant } from '../instants.ts';
import { about, instant, mistakeNote, offer, template } from './template.ts';

/** A subscription ends soon and does not renew. */
export const subscriptionEnding = template(z.object({ ...offer, endsAt: instant }), ({ product, endsAt }, context) => {
  const { name, sender } = about(context, product);
  return {
    subject: `Your ${name} subscription ends on ${formatDay(endsAt)}`,
    preview: 'Nothing more will be charged.',
    heading: `Your ${name} subscription ends soon`,
    blocks: [
      { kind: 'text', text: `It ends on ${formatInstant(endsAt)} and does not renew. Nothing more will be charged.` },
      {
        kind: 'text',
        text: 'Until then everything works as before. If you want to stay, resume it before that moment.',
      },
      mistakeNote(sender),
    ],
    sender,
  };
});
