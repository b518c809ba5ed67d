import { z } from 'zod';
import type { Block } from '../letter.ts';
import { about, mistakeNote, template } from './template.ts';

/** What became of a machine that asked to be let in. */
export const reactivationDecided = template(
  z.object({
    product: z.string(),
    status: z.enum(['approved', 'denied']),
    machine: z.string(),
    released: z.array(z.string()).max(10),
    reason: z.string().nullable(),
  }),
  ({ product, status, machine, released, reason }, context) => {
    const { name, sender } = about(context, product);
    const approved = status === 'approved';
    const facts: [string, string][] = [['Machine', machine]];
    if (released.length > 0) facts.push(['In the place of', released.join(', ')]);
    if (reason !== null) facts.push(['Reason', reason]);
    const blocks: Block[] = [
      {
        kind: 'text',
        text: approved
          ? `Your request was approved: ${name} now runs on this machine.`
          : `Your request was denied: ${name} goes on running where it did.`,
      },
      { kind: 'facts', facts },
      mistakeNote(sender),
    ];
    return {
      subject: approved ? `Your new machine for ${name}` : `Your request for another machine for ${name}`,
      preview: approved ? 'Your licence now runs on the machine you asked for.' : 'Your licence stays where it is.',
      heading: approved ? 'Your machine was let in' : 'Your machine was not let in',
      blocks,
      sender,
    };
  },
);
