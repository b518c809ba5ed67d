import { accountLetter } from './account-letter.ts';

/** Lets whoever reads the letters of an address choose another password. */
export const resetPassword = accountLetter((link, minutes) => ({
  subject: 'Choose another password',
  preview: 'Open the link to choose another password.',
  heading: 'Choose another password',
  blocks: [
    { kind: 'text', text: 'Somebody, most likely you, asked for another password for the account of this address.' },
    { kind: 'button', label: 'Choose a password', url: link },
    { kind: 'note', text: `The link works once, for ${minutes} minutes. Every session ends with the old password.` },
    { kind: 'note', text: 'If it was not you, there is nothing to do: the password stays as it is.' },
  ],
}));
