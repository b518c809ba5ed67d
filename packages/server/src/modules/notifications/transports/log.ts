/** Where no mail server is configured and there is no sandbox: letters go to the log, their keys masked. */

import type { Log } from '../../../observability/log.ts';
import type { ExternalMailTransport } from '../mail.ts';

export function createLogTransport(log: Log): ExternalMailTransport {
  return {
    kind: 'external',
    async send(mail) {
      const text = mail.keys.reduce((shown, key) => shown.replaceAll(key, maskKey(key)), mail.text);
      log.warn(
        { mail: { id: mail.id, to: mail.to, subject: mail.subject, text } },
        'mail is not configured (SMTP_URL), so this letter was only logged',
      );
    },
    async close() {},
  };
}

/** `…9f3c`: enough to tell keys apart, too little to use one. */
export function maskKey(key: string): string {
  return `…${key.slice(-4)}`;
}
