import { z } from 'zod';
import type { Block } from '../letter.ts';
import { licenseFacts } from './license-issued.ts';
import { about, type LicenseForMail, template } from './template.ts';

/** All keys an address owns, because somebody asked for them to be sent to it. */
export const licenseResend = template(
  z.object({ licenseIds: z.array(z.string()).min(1).max(100) }),
  async ({ licenseIds }, context) => {
    const found = await Promise.all(licenseIds.map((id) => context.license(id)));
    const licenses = found.filter((license): license is LicenseForMail => license !== null);
    const [first] = licenses;
    if (first === undefined) return null;
    const sender = about(context, first.product).sender;
    const several = licenses.length > 1;
    const blocks = licenses.flatMap((license): Block[] => [
      { kind: 'key', label: about(context, license.product).name, key: license.key },
      { kind: 'facts', facts: [...licenseFacts(license, context), ...(license.usable ? [] : [NOT_USABLE])] },
    ]);
    return {
      subject: several ? 'Your licence keys' : `Your ${about(context, first.product).name} licence key`,
      preview: several
        ? `The ${licenses.length} keys that belong to this address.`
        : 'The key that belongs to this address.',
      heading: several ? 'Your licence keys' : 'Your licence key',
      blocks: [
        { kind: 'text', text: `Somebody, most likely you, asked for what belongs to this address.` },
        ...blocks,
        { kind: 'note', text: 'If it was not you, there is nothing to do: nobody else has seen this letter.' },
      ],
      sender,
    };
  },
);

const NOT_USABLE: [string, string] = ['Note', 'This licence cannot be used at the moment.'];
