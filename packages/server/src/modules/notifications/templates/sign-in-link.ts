import { accountLetter } from './account-letter.ts';

/** Signs in whoever reads the letters of an address, once. */
export const signInLink = accountLetter((link, minutes) => ({
  subject: 'Your sign-in link',
  preview: 'Open the link to sign in.',
  heading: 'Sign in',
  blocks: [
    { kind: 'text', text: 'Somebody, most likely you, asked to sign in with this address.' },
    { kind: 'button', label: 'Sign in', url: link },
    { kind: 'note', text: `The link works once, for ${minutes} minutes.` },
    { kind: 'note', text: 'If it was not you, there is nothing to do: nobody else has seen this letter.' },
  ],
}));
