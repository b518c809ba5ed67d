import { z } from 'zod';
import { formatInstant } from '../instants.ts';
import type { Block } from '../letter.ts';
import { about, type LetterContext, type LicenseForMail, template } from './template.ts';

/** The key, delivered, with what to do next. */
export const licenseIssued = template(z.object({ licenseId: z.string() }), async ({ licenseId }, context) => {
  const license = await context.license(licenseId);
  if (license === null) return null;
  const { name, sender } = about(context, license.product);
  return {
    subject: `Your ${name} licence key`,
    preview: 'Thank you for your purchase. Here is your key and what to do with it.',
    heading: `Your ${name} licence key`,
    blocks: [
      { kind: 'text', text: `Thank you for buying ${name}. This key unlocks it:` },
      { kind: 'key', label: 'Licence key', key: license.key },
      { kind: 'facts', facts: licenseFacts(license, context) },
      {
        kind: 'steps',
        steps: [
          'Keep this letter: whoever has the key can use the licence.',
          `Open ${name} and enter the key when it asks for one. That activates the machine it runs on.`,
          machineStep(license),
        ],
      },
      activationByHand(context),
      { kind: 'note', text: `Lost the key? It can be sent to this address again at any time: ${context.publicUrl}` },
    ],
    sender,
  };
});

/** What a licence is, row by row. */
export function licenseFacts(license: LicenseForMail, context: LetterContext): [string, string][] {
  const plan = context.plan(license.product, license.plan)?.name ?? license.plan;
  return [
    ['Plan', plan],
    ['Machines', license.maxMachines === -1 ? 'as many as you like' : String(license.maxMachines)],
    validity(license),
  ];
}

function validity({ expiresAt, renews }: LicenseForMail): [string, string] {
  if (expiresAt === null) return ['Valid', 'for good'];
  if (renews) return ['Renews', `by itself; paid until ${formatInstant(expiresAt)}`];
  return ['Valid until', formatInstant(expiresAt)];
}

function machineStep({ maxMachines }: LicenseForMail): string {
  if (maxMachines === -1) return 'Use the same key on every machine.';
  if (maxMachines === 1) return 'The licence is for one machine at a time. To move it, deactivate the old one first.';
  return `The licence is for ${maxMachines} machines at a time. To move it, deactivate one first.`;
}

function activationByHand({ publicUrl }: LetterContext): Block {
  const body = `'{"key": "YOUR-KEY", "machine": {"fingerprint": "server_001"}}'`;
  return {
    kind: 'code',
    label: 'Or activate a machine from a terminal',
    code: `curl -X POST ${publicUrl}/v1/licenses/activate \\\n  -H 'Content-Type: application/json' \\\n  -d ${body}`,
  };
}
