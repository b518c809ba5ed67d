import { SMTPServer } from 'smtp-server';
import { parseMail, type ReceivedMail } from './mime.ts';

export interface TestMailServer {
  /** For SMTP_URL or nodemailer. */
  url: string;
  /** All mail so far, oldest first. */
  mails: readonly ReceivedMail[];
  /** The first mail, past or future, that fits. */
  waitForMail(fits: (mail: ReceivedMail) => boolean, timeoutMs?: number): Promise<ReceivedMail>;
  /** Answers the next `count` messages with a temporary failure (451), as a busy mail server does. */
  failNext(count: number): void;
  close(): Promise<void>;
}

/** A real SMTP server on 127.0.0.1 that keeps what it is sent. */
export async function startTestMailServer(): Promise<TestMailServer> {
  const mails: ReceivedMail[] = [];
  const waiting = new Set<() => void>();
  let failures = 0;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (failures > 0) {
          failures -= 1;
          callback(Object.assign(new Error('try again later'), { responseCode: 451 }));
          return;
        }
        const recipients = session.envelope.rcptTo.map((recipient) => recipient.address);
        mails.push(parseMail(Buffer.concat(chunks).toString('utf8'), recipients));
        for (const look of waiting) look();
        callback();
      });
    },
  });
  // A client that is killed half-way resets its connection; that is no error of a test.
  server.on('error', () => {});
  const port = await listen(server);
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    waitForMail: (fits, timeoutMs = 10_000) => waitForMail(mails, waiting, fits, timeoutMs),
    failNext: (count) => {
      failures = count;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function listen(server: SMTPServer): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const listener = server.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      if (address === null || typeof address === 'string') reject(new Error('the mail server has no port'));
      else resolve(address.port);
    });
  });
}

function waitForMail(
  mails: readonly ReceivedMail[],
  waiting: Set<() => void>,
  fits: (mail: ReceivedMail) => boolean,
  timeoutMs: number,
): Promise<ReceivedMail> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const mail = mails.find(fits);
      if (mail === undefined) return;
      clearTimeout(timer);
      waiting.delete(look);
      resolve(mail);
    };
    const timer = setTimeout(() => {
      waiting.delete(look);
      const seen = mails.map((mail) => `${mail.to.join(', ')}: ${mail.subject}`).join('\n') || 'nothing';
      reject(new Error(`no mail fitted within ${timeoutMs} ms. What came:\n${seen}`));
    }, timeoutMs);
    waiting.add(look);
    look();
  });
}
