import { z } from 'zod';
import { about, mistakeNote, template } from './template.ts';

/** The link by which an owner frees machines that are lost. The link itself is made now, so that nothing stores it. */
export const machineRelease = template(
  z.object({ linkId: z.string(), product: z.string(), minutes: z.int().positive() }),
  ({ linkId, product, minutes }, context) => {
    const { name, sender } = about(context, product);
    return {
      subject: `Free a machine of your ${name} licence`,
      preview: 'See the machines of your licences, and free those you no longer have.',
      heading: 'Free a machine',
      blocks: [
        { kind: 'text', text: 'Somebody, most likely you, asked to free a machine of a licence of this address.' },
        { kind: 'button', label: 'Show my machines', url: context.ownerLink(linkId) },
        { kind: 'note', text: `The link works for ${minutes} minutes. Nothing is freed until you choose a machine.` },
        mistakeNote(sender),
      ],
      sender,
    };
  },
);
