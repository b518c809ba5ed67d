/** A rendered letter on its way, and the ways there are. */

import type { Transaction } from '../../db/database.ts';

export interface Mail {
  /** The outbox row's id: the same however often delivery is tried. */
  id: string;
  to: string;
  /** `Name <address>` or an address. */
  from: string;
  replyTo: string | null;
  subject: string;
  text: string;
  html: string;
  /** The keys that are in it, so that a transport that shows letters can mask them. */
  keys: readonly string[];
}

/** Leaves the house: may be repeated after a crash between handing over and noting it. */
export interface ExternalMailTransport {
  kind: 'external';
  send(mail: Mail): Promise<void>;
  close(): Promise<void>;
}

/** Stays in the database: stored in the transaction that marks the letter delivered, so exactly once. */
export interface StoredMailTransport {
  kind: 'stored';
  store(transaction: Transaction, mail: Mail): Promise<void>;
}

export type MailTransport = ExternalMailTransport | StoredMailTransport;

/** The letter was refused for good: trying again would be refused again. */
export class MailRefused extends Error {
  override readonly name = 'MailRefused';
}
