/** The sandbox's letters: kept in the database, sealed because they hold keys. */

import type { Connection } from '../../db/database.ts';
import type { Mail, StoredMailTransport } from '../../modules/notifications/index.ts';
import type { Clock, Ids } from '../../ports.ts';
import type { Vault } from '../../security/vault.ts';

export interface StoredMail {
  id: string;
  to: string;
  subject: string;
  text: string;
  html: string;
  /** In domain time: a letter that a renewal in a year sends is dated in a year. */
  at: Date;
}

export interface SandboxMailbox extends StoredMailTransport {
  /** Newest first, at most 500; with `to`, those to that address alone, in whatever case it is written. */
  list(connection: Connection, options?: { to?: string }): Promise<StoredMail[]>;
}

const PURPOSE = 'sandbox_mail';
const MOST_LISTED = 500;

export function createSandboxMailbox(options: { vault: Vault; clock: Clock; ids: Ids }): SandboxMailbox {
  const { vault, clock, ids } = options;
  return {
    kind: 'stored',
    async store(transaction, mail: Mail) {
      const content = JSON.stringify({ text: mail.text, html: mail.html });
      const sealed = vault.seal(PURPOSE, content, mail.id);
      await transaction.connection
        .insertInto('sandbox_mail')
        .values({
          id: ids.next('mail'),
          outbox_id: mail.id,
          recipient: mail.to.toLowerCase(),
          subject: mail.subject,
          content_ciphertext: sealed.ciphertext,
          content_secret_id: sealed.secretId,
          created_at: clock.now(),
        })
        .execute();
    },
    async list(connection, { to } = {}) {
      let query = connection
        .selectFrom('sandbox_mail')
        .selectAll()
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(MOST_LISTED);
      if (to !== undefined) query = query.where('recipient', '=', to.toLowerCase());
      const rows = await query.execute();
      return rows.map((row) => {
        const sealed = { ciphertext: row.content_ciphertext, secretId: row.content_secret_id };
        const { text, html } = JSON.parse(vault.open(PURPOSE, sealed, row.outbox_id)) as { text: string; html: string };
        return { id: row.id, to: row.recipient, subject: row.subject, text, html, at: row.created_at };
      });
    },
  };
}
