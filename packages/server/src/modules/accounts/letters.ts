import type { Database, Transaction } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import type { createLinkSeal, SealedLink } from './sealed-link.ts';

/** A letter with a link by which an address is proven. */
export interface AccountLetter {
  template: 'verify-email' | 'sign-in-link' | 'reset-password';
  to: string;
  link: SealedLink;
  /** How long the link works. */
  minutes: number;
  effectKey: string;
}

export interface AccountLettersOptions {
  database: Database;
  clock: Pick<Clock, 'wall'>;
  links: Pick<ReturnType<typeof createLinkSeal>, 'seal'>;
  notify(transaction: Transaction, letter: AccountLetter): Promise<void>;
}

/** However often it is asked for, an address gets one letter of a kind in this time. */
const LETTER_EVERY_MS = 60_000;

export type SendLetter = (
  template: AccountLetter['template'],
  letter: { to: string; url: string; minutes: number },
) => Promise<void>;

/** Decides letters. The link is sealed on its way to whoever writes it: it lies nowhere in clear. */
export function createAccountLetters({ database, clock, links, notify }: AccountLettersOptions): SendLetter {
  return async (template, { to, url, minutes }) => {
    const address = to.toLowerCase();
    const minute = Math.floor(clock.wall().getTime() / LETTER_EVERY_MS);
    const effectKey = `${template}:${address}:${minute}`;
    await database.transaction({ actor: { type: 'anyone', id: null } }, (transaction) =>
      notify(transaction, { template, to: address, link: links.seal(url), minutes, effectKey }),
    );
  };
}
