/** The outbox's way out for letters. */

import type { Database } from '../../db/database.ts';
import type { Deliverer } from '../../jobs/outbox-delivery.ts';
import type { MailTransport } from './mail.ts';
import type { Notifications } from './service.ts';

/**
 * For `deliverers: { mail: … }`. A letter is written when it leaves, so that no key lies in the outbox. Into the sandbox's
 * mailbox it goes exactly once; over SMTP at least once, under the same Message-ID each time.
 */
export function createMailDeliverer(options: {
  notifications: Notifications;
  transport: MailTransport;
  database: Database;
}): Deliverer {
  const { notifications, transport, database } = options;
  if (transport.kind === 'stored') {
    return {
      mode: 'transactional',
      async deliver(transaction, row) {
        const mail = await notifications.write(transaction.connection, row);
        if (mail !== null) await transport.store(transaction, mail);
      },
    };
  }
  return {
    mode: 'external',
    async deliver(row) {
      const mail = await notifications.write(database.connection, row);
      if (mail !== null) await transport.send(mail);
    },
  };
}
