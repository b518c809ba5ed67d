import { z } from 'zod';
import { formatDay, formatInstant } from '../instants.ts';
import { about, instant, template } from './template.ts';

/** What of a meter was used in a period, as far as a letter about it must know. */
const use = {
  product: z.string(),
  /** The meter’s name, such as `API calls`. */
  meter: z.string(),
  unit: z.string(),
  percent: z.int(),
  used: z.number(),
  included: z.number(),
  /** What happens beyond: refused, billed or let through. */
  limit: z.enum(['hard', 'overage', 'soft', 'prepaid']),
  endsAt: instant,
};

const BEYOND: Readonly<Record<z.infer<typeof use.limit>, string>> = {
  hard: 'Beyond what is included nothing can be used until then.',
  overage: 'What goes beyond is billed with the next invoice, at the price of your plan.',
  soft: 'What goes beyond is noted; nothing stops.',
  prepaid: 'What goes beyond is taken from what you bought in advance.',
};

/** To the customer: so much of what the plan includes is used. */
export const usageThreshold = template(z.object(use), (facts, context) => {
  const { product, meter, unit, percent, used, included, limit, endsAt } = facts;
  const { name, sender } = about(context, product);
  const isAll = percent === 100;
  const heading = isAll ? `All ${meter} of ${name} are used` : `${percent} % of your ${meter} of ${name} are used`;
  return {
    subject: heading,
    preview: `The next period begins on ${formatDay(endsAt)}.`,
    heading,
    blocks: [
      {
        kind: 'facts',
        facts: [
          ['Used', `${used} of ${included} (${unit})`],
          ['Period ends', formatInstant(endsAt)],
        ],
      },
      { kind: 'text', text: BEYOND[limit] },
      { kind: 'note', text: 'You are told of this once in a period. A larger plan includes more.' },
    ],
    sender,
  };
});

/** To the vendor: a customer cannot go on before the next period. */
export const usageLimitAlert = template(
  z.object({ ...use, plan: z.string().nullable(), customer: z.string().nullable(), owner: z.string() }),
  ({ product, plan, meter, used, customer, owner, endsAt }, context) => {
    const { name } = context.product(product);
    return {
      subject: `A customer of ${name} has used all ${meter}`,
      preview: 'Their requests are refused until the next period.',
      heading: 'A hard limit was reached',
      blocks: [
        {
          kind: 'facts',
          facts: [
            ['Customer', customer ?? 'unknown'],
            ['Licence or customer', owner],
            ['Plan', plan ?? 'none'],
            [meter, String(used)],
            ['Until', formatInstant(endsAt)],
          ],
        },
        { kind: 'text', text: 'The customer was written to. Whoever uses so much may want a larger plan.' },
      ],
      sender: context.house,
    };
  },
);
