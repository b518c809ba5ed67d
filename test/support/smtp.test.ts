import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestMailServer, type TestMailServer } from './smtp.ts';

let server: TestMailServer;
beforeAll(async () => {
  server = await startTestMailServer();
});
afterAll(() => server.close());

describe('the mail server of the tests', () => {
  it('keeps a mail as it was written: subject, both parts, non-ASCII letters and long lines', async () => {
    const transport = createTransport(server.url);
    const line = `Schlüssel ${'ABCDEF0123456789-'.repeat(16)} — “gültig”`;
    await transport.sendMail({
      from: 'Verkäufer <vendor@example.com>',
      to: ['ada@example.com', 'bob@example.com'],
      subject: 'Ihr Schlüssel für die Anwendung, die Sie gerade eben gekauft haben ✓',
      text: line,
      html: `<p>${line}</p>`,
    });
    const mail = await server.waitForMail((one) => one.to.includes('ada@example.com'));
    expect(mail.to).toEqual(['ada@example.com', 'bob@example.com']);
    expect(mail.from).toBe('Verkäufer <vendor@example.com>');
    expect(mail.subject).toBe('Ihr Schlüssel für die Anwendung, die Sie gerade eben gekauft haben ✓');
    expect(mail.text.trim()).toBe(line);
    expect(mail.html.trim()).toBe(`<p>${line}</p>`);
    transport.close();
  });

  it('refuses for a while when told to, then takes mail again', async () => {
    const transport = createTransport(server.url);
    const message = { from: 'a@example.com', to: 'busy@example.com', subject: 'again', text: 'x' };
    server.failNext(1);
    await expect(transport.sendMail(message)).rejects.toMatchObject({ responseCode: 451 });
    await transport.sendMail(message);
    expect(server.mails.filter((mail) => mail.to.includes('busy@example.com'))).toHaveLength(1);
    transport.close();
  });

  it('says what came instead when the awaited mail does not', async () => {
    await expect(server.waitForMail(() => false, 50)).rejects.toThrow(/no mail fitted within 50 ms/);
  });
});
