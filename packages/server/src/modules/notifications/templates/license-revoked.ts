import { z } from 'zod';
import { formatInstant } from '../instants.ts';
import { about, instant, mistakeNote, offer, template } from './template.ts';

const WHY = {
  payment: 'because the last payment failed again and was not tried any further',
  cancel: 'because the subscription was canceled',
  refund: 'because the payment was refunded',
  dispute: 'because the payment was disputed',
  admin: 'by us',
} as const;

/** The licence is taken back. */
export const licenseRevoked = template(
  z.object({ ...offer, revokedAt: instant, cause: z.enum(['payment', 'cancel', 'refund', 'dispute', 'admin']) }),
  ({ product, revokedAt, cause }, context) => {
    const { name, sender } = about(context, product);
    return {
      subject: `Your ${name} licence was revoked`,
      preview: 'The key does not work any more.',
      heading: `Your ${name} licence was revoked`,
      blocks: [
        { kind: 'text', text: `Your licence was revoked on ${formatInstant(revokedAt)}, ${WHY[cause]}.` },
        { kind: 'text', text: 'The key does not work any more. You are welcome to buy again at any time.' },
        mistakeNote(sender),
      ],
      sender,
    };
  },
);
