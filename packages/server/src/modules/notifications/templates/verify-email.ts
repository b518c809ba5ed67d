import { accountLetter } from './account-letter.ts';

/** Proves that an address belongs to whoever signed up with it. */
export const verifyEmail = accountLetter((link, minutes) => ({
  subject: 'Confirm your e-mail address',
  preview: 'Open the link to finish signing up.',
  heading: 'Confirm your e-mail address',
  blocks: [
    { kind: 'text', text: 'Somebody, most likely you, signed up with this address and chose a password.' },
    { kind: 'button', label: 'Confirm my address', url: link },
    { kind: 'note', text: `The link works for ${Math.round(minutes / 60)} hours.` },
    {
      kind: 'note',
      text: 'If it was not you, do not open it: whoever chose the password would see what was bought with this address.',
    },
  ],
}));
