/** Delivery by SMTP. */

import { createTransport } from 'nodemailer';
import { type ExternalMailTransport, type Mail, MailRefused } from '../mail.ts';

export interface SmtpOptions {
  /** `smtp://user:password@host:587` or `smtps://…`; nodemailer's options may follow as a query. */
  smtpUrl: string;
  /** MAIL_FROM: its host names the letters' Message-ID. */
  mailFrom: string;
}

/** How long a mail server may take to answer; a letter that takes longer is tried again later. */
const CONNECT_TIMEOUT_MS = 5_000;
const SILENCE_TIMEOUT_MS = 10_000;
/** Altogether less than the outbox's lease on a letter (30 s), so that no two workers send it at the same time. */
const SEND_TIMEOUT_MS = 25_000;

export interface SmtpTransport extends ExternalMailTransport {
  /** Connects and signs in without sending: for checks of an installation. Throws what the server said. */
  verify(): Promise<void>;
}

/** A pool of few connections that are opened when there is mail. */
export function createSmtpTransport({ smtpUrl, mailFrom }: SmtpOptions): SmtpTransport {
  const transporter = createTransport({
    url: smtpUrl,
    pool: true,
    maxConnections: 3,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const host = hostOf(mailFrom);
  return {
    kind: 'external',
    async send(mail) {
      try {
        await withinTime(transporter.sendMail(message(mail, host)));
      } catch (error) {
        throw refusedForGood(error) ? new MailRefused(describe(error), { cause: error }) : error;
      }
    },
    async verify() {
      await transporter.verify();
    },
    async close() {
      transporter.close();
    },
  };
}

async function withinTime<T>(sending: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = new Error(`the mail server took longer than ${SEND_TIMEOUT_MS} ms`);
  const timer = setTimeout(() => reject(late), SEND_TIMEOUT_MS);
  try {
    return await Promise.race([sending, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function message(mail: Mail, host: string) {
  return {
    from: mail.from,
    // As an object, so that nothing in an address can add another recipient.
    to: { name: '', address: mail.to },
    ...(mail.replyTo === null ? {} : { replyTo: mail.replyTo }),
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    // The same for every attempt at one letter: a mailbox that got it twice can tell.
    messageId: `<${mail.id}@${host}>`,
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
  };
}

/** The host after the @ of `Name <address@host>`. */
export function hostOf(mailFrom: string): string {
  return /@([A-Za-z0-9.-]+)>?\s*$/.exec(mailFrom)?.[1] ?? 'localhost';
}

/** 5xx: the server will never take this letter (RFC 5321, 4.2.1), unless it is the sign-in that it refuses. */
function refusedForGood(error: unknown): boolean {
  const { responseCode, code } = error as { responseCode?: unknown; code?: unknown };
  return typeof responseCode === 'number' && responseCode >= 500 && code !== 'EAUTH';
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
