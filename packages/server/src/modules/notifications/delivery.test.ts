import type { Catalog } from '@latchkey/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestMailServer, type TestMailServer } from '../../../../../test/support/smtp.ts';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import { assembleCatalog } from '../../catalog/load.ts';
import { createOutbox } from '../../jobs/outbox.ts';
import { createOutboxStep } from '../../jobs/outbox-delivery.ts';
import { createWorker, type Worker } from '../../jobs/worker.ts';
import { createSandboxMailbox } from '../../sandbox/mailbox/store.ts';
import {
  createLogTransport,
  createMailDeliverer,
  createNotifications,
  createSmtpTransport,
  type MailTransport,
  type Notice,
  type SmtpTransport,
} from './index.ts';

const key = 'RL-ABCDEFGH-IJKLMNOP-QRSTUVWX';
const ports = createTestPorts();
const mailbox = createSandboxMailbox(ports);
let test: TestDatabase;
let catalog: Catalog;

beforeAll(async () => {
  test = await createTestDatabase();
  const text = 'id: acme\nname: Acme\nkey: { scheme: random }\nplans: [{ id: pro, name: Pro, price: null }]\n';
  catalog = (await assembleCatalog([{ name: 'acme.yaml', bytes: Buffer.from(text) }], { environment: {} })).catalog;
});

afterAll(() => test.close());

beforeEach(async () => {
  for (const table of ['outbox', 'sandbox_mail'] as const) await test.database.connection.deleteFrom(table).execute();
  ports.log.lines.length = 0;
});

const notifications = () =>
  createNotifications({
    catalog,
    licenses: {
      read: async (_, id) => ({
        id,
        key,
        product: 'acme',
        plan: 'pro',
        expiresAt: null,
        renews: false,
        maxMachines: 1,
        usable: true,
      }),
    },
    mailFrom: 'mail@shop.example',
    publicUrl: () => 'https://shop.example',
    ownerLink: (id) => `https://shop.example/release/${id}`,
    outbox: createOutbox(ports),
  });

function issued(effectKey = 'license/lic_1/issued', to = 'Ann@Example.com'): Notice<'license-issued'> {
  return { template: 'license-issued', to, data: { licenseId: 'lic_1' }, effectKey };
}

function notify(notice: Notice<'license-issued'>): Promise<boolean> {
  const actor = { type: 'system', id: 'test' } as const;
  return test.database.transaction({ actor }, (transaction) => notifications().notify(transaction, notice));
}

function workerWith(transport: MailTransport): Worker {
  const { database } = test;
  const deliverers = { mail: createMailDeliverer({ notifications: notifications(), transport, database }) };
  const step = createOutboxStep({ database, clock: ports.clock, log: ports.log, deliverers });
  return createWorker({ name: 'outbox', step, log: ports.log, wall: ports.clock.wall });
}

const outboxRows = () => test.database.connection.selectFrom('outbox').selectAll().execute();

describe('a letter that was decided', () => {
  it('lies in the outbox without the key', async () => {
    expect(await notify(issued())).toBe(true);
    const [row] = await outboxRows();
    expect(row).toMatchObject({ kind: 'mail', effect_key: 'mail:license/lic_1/issued' });
    expect(JSON.stringify(row)).not.toContain(key);
  });

  it('is decided once for each effect', async () => {
    expect([await notify(issued()), await notify(issued()), await notify(issued('license/lic_2/issued'))]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('is refused at once when its data do not fit', async () => {
    const wrong = { ...issued(), data: { licenceId: 'lic_1' } } as unknown as Notice<'license-issued'>;
    await expect(notify(wrong)).rejects.toThrow('licenseId');
    expect(await outboxRows()).toEqual([]);
  });
});

describe("the sandbox's mailbox", () => {
  it('has each letter once, dated in domain time, whatever case the address is written in', async () => {
    await notify(issued());
    ports.clock.advance(400 * 24 * 60 * 60 * 1000);
    await workerWith(mailbox).settled();
    await workerWith(mailbox).settled();
    const { connection } = test.database;
    const letters = await mailbox.list(connection, { to: 'ANN@example.com' });
    expect(letters).toMatchObject([
      {
        to: 'ann@example.com',
        subject: 'Your Acme licence key',
        at: ports.clock.now(),
        text: expect.stringContaining(key),
      },
    ]);
    expect(await mailbox.list(connection, { to: 'bob@example.com' })).toEqual([]);
    expect(await mailbox.list(connection)).toHaveLength(1);
  });

  it('lists the newest first', async () => {
    await notify(issued('first', 'one@example.com'));
    await workerWith(mailbox).settled();
    ports.clock.advance(1000);
    await notify(issued('second', 'two@example.com'));
    await workerWith(mailbox).settled();
    const letters = await mailbox.list(test.database.connection);
    expect(letters.map((letter) => letter.to)).toEqual(['two@example.com', 'one@example.com']);
  });

  it('keeps no key in clear', async () => {
    await notify(issued());
    await workerWith(mailbox).settled();
    const rows = await test.database.connection.selectFrom('sandbox_mail').selectAll().execute();
    expect(rows).toHaveLength(1);
    for (const row of rows) {
      const bytes = Buffer.concat([Buffer.from(JSON.stringify(row)), Buffer.from(row.content_ciphertext)]);
      expect(bytes.includes(key)).toBe(false);
    }
  });

  it('does not open a letter that was moved to another row', async () => {
    await notify(issued());
    await workerWith(mailbox).settled();
    await test.database.connection.updateTable('sandbox_mail').set({ outbox_id: 'out_other' }).execute();
    await expect(mailbox.list(test.database.connection)).rejects.toThrow('another context');
  });
});

describe('the log as the last resort', () => {
  it('shows the letter with its key masked', async () => {
    await notify(issued());
    await workerWith(createLogTransport(ports.log)).settled();
    const logged = JSON.stringify(ports.log.lines);
    expect(logged).toContain('Your Acme licence key');
    expect(logged).toContain('…UVWX');
    expect(logged).not.toContain(key);
  });
});

describe('SMTP', () => {
  let server: TestMailServer;
  let transport: SmtpTransport;

  beforeEach(async () => {
    server = await startTestMailServer();
    transport = createSmtpTransport({ smtpUrl: server.url, mailFrom: 'mail@shop.example' });
  });

  afterEach(async () => {
    await transport.close();
    await server.close();
  });

  it('delivers text and HTML, under a Message-ID that follows from the outbox', async () => {
    await notify(issued());
    await workerWith(transport).settled();
    const [row] = await outboxRows();
    const mail = await server.waitForMail(() => true);
    expect(mail).toMatchObject({ to: ['Ann@example.com'], subject: 'Your Acme licence key' });
    expect(mail.headers.get('message-id')).toBe(`<${row?.id}@shop.example>`);
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
    expect(mail.from).toContain('Acme');
    expect(mail.text).toContain(key);
    expect(mail.html).toContain(key);
    expect(row?.status).toBe('delivered');
  });

  it('is tried again after a temporary failure, under the same Message-ID', async () => {
    server.failNext(1);
    await notify(issued());
    const worker = workerWith(transport);
    await worker.settled();
    const [row] = await outboxRows();
    expect(row).toMatchObject({
      status: 'pending',
      attempts: 1,
      last_error: expect.stringContaining('try again later'),
    });
    expect(row?.last_error).not.toContain(key);
    ports.clock.pass(60_000);
    await worker.settled();
    expect(server.mails.map((mail) => mail.headers.get('message-id'))).toEqual([`<${row?.id}@shop.example>`]);
  });

  it('that nobody answers costs the letter nothing', async () => {
    await server.close();
    await notify(issued());
    await workerWith(transport).settled();
    expect(await outboxRows()).toMatchObject([{ status: 'pending', attempts: 1 }]);
    server = await startTestMailServer();
  });

  it('can be checked without sending', async () => {
    await transport.verify();
    expect(server.mails).toEqual([]);
    await server.close();
    await expect(transport.verify()).rejects.toThrow();
    server = await startTestMailServer();
  });
});
