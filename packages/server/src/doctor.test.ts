import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestMailServer, type TestMailServer } from '../../../test/support/smtp.ts';
import type { Wire } from '../../../test/support/wire.ts';
import { openShop, type Shop } from '../test/support/shop.ts';
import type { Host } from './cli/host.ts';
import { runProgram } from './cli/program.ts';
import { examine, ok } from './doctor.ts';
import { accountFinding } from './doctor-stripe.ts';
import { addressQuestion, diskQuestions, mailQuestions } from './doctor-surroundings.ts';

let shop: Shop;
let mail: TestMailServer;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-doctor-'));
  mail = await startTestMailServer();
  shop = await openShop({ SMTP_URL: mail.url, MAIL_FROM: 'Shop <keys@shop.example>' });
});

afterAll(async () => {
  await shop?.close();
  await mail?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the command as a terminal would. */
async function doctor(environment: Record<string, string>, argv: readonly string[] = ['doctor']) {
  const out: string[] = [];
  const host: Host = {
    environment,
    directory: folder,
    color: false,
    out: (line) => out.push(line),
    err: (line) => out.push(line),
    readInput: async () => '',
    startServer: async () => {},
    onInterrupt: () => () => {},
  };
  const exitCode = await runProgram(host, argv);
  return { exitCode, out: out.join('\n') };
}

const running = () => ({ LATCHKEY_URL: shop.server.url, ADMIN_TOKEN: shop.server.app.adminToken.token });
const report = async (): Promise<Wire> => (await shop.vendor('GET', '/v1/doctor')).body;
const of = (answer: Wire, code: string): Wire[] => answer.checks.filter((check: Wire) => check.code === code);

/** Has something wrong for as long as the work takes. */
async function meanwhile(wrong: string, right: string, work: () => Promise<void>): Promise<void> {
  const { connection } = shop.server.app.database;
  await sql.raw(wrong).execute(connection);
  try {
    await work();
  } finally {
    await sql.raw(right).execute(connection);
  }
}

describe('an installation that is well', () => {
  it('has Stripe, its webhook, the secrets of keys, the database and mail looked at, and exits with 0 [I14]', async () => {
    await shop.buy({ product: 'infinite-server26', email: 'well@example.com' });
    const { exitCode, out } = await doctor(running(), ['doctor', '--json']);
    const answer: Wire = JSON.parse(out);
    expect(answer.checks.filter(({ status }: Wire) => status === 'failure')).toEqual([]);
    expect(exitCode).toBe(0);
    const well = ['stripe_key', 'webhook_secret', 'webhook_endpoint', 'webhook_delivery', 'stored_keys', 'mail'];
    for (const code of [...well, 'prices', 'billing', 'catalog', 'migrations', 'mail_sender', 'public_url']) {
      expect(of(answer, code), code).toMatchObject([{ status: 'ok', next: null }]);
    }
    // The PostgreSQL of the tests is told not to write through to the disk, which is found.
    const isDurable = shop.server.app.database.engine === 'pglite';
    expect(of(answer, 'database')).toMatchObject([{ status: isDurable ? 'ok' : 'warning' }]);
    const keys = of(answer, 'key_secret');
    expect(keys).toHaveLength(shop.server.app.catalog.products.length);
    expect(keys.map(({ status }) => status)).toEqual(keys.map(() => 'ok'));
    expect(keys.find(({ detail }) => detail.startsWith('infinite-server26'))?.detail).toMatch(/LICENSE_MASTER_SECRET/);
    expect(out).not.toContain(shop.server.app.firstRun.secretFor('LICENSE_MASTER_SECRET'));
  });

  it('is looked at by the admin alone', async () => {
    expect((await shop.call('GET', '/v1/doctor', null)).status).toBe(401);
    expect((await shop.call('GET', '/v1/doctor', await shop.tokenOf('ada'))).status).toBe(403);
  });
});

describe('what is wrong is found, with the next command to run', () => {
  it('keys that the root secret does not open', async () => {
    const wrong = `UPDATE licenses SET key_secret_id = 'other-' || key_secret_id`;
    const right = `UPDATE licenses SET key_secret_id = substr(key_secret_id, 7)`;
    await meanwhile(wrong, right, async () => {
      expect(of(await report(), 'stored_keys')).toMatchObject([
        { status: 'failure', next: expect.stringContaining('LATCHKEY_SECRET') },
      ]);
    });
  });

  it('tables of a newer version, and a price that was never made', async () => {
    await meanwhile(
      `INSERT INTO schema_migrations VALUES (9999, '9999_later', '', now())`,
      'DELETE FROM schema_migrations WHERE number = 9999',
      async () => expect(of(await report(), 'migrations')).toMatchObject([{ status: 'failure' }]),
    );
    await meanwhile(
      'UPDATE catalog_prices SET current = NOT current',
      'UPDATE catalog_prices SET current = NOT current',
      async () => {
        const [check] = of(await report(), 'prices');
        expect(check).toMatchObject({ status: 'failure', next: 'npx latchkey catalog push' });
        expect(check?.detail).toContain('crypto-orchestrator/basic');
      },
    );
  });

  it('an endpoint that listens to too little, or not at all', async () => {
    const [endpoint] = (await shop.stripe('GET', '/v1/webhook_endpoints')).data;
    const path = `/v1/webhook_endpoints/${endpoint.id}`;
    await shop.stripe('POST', path, { 'enabled_events[0]': 'invoice.paid' });
    expect(of(await report(), 'webhook_endpoint')).toMatchObject([
      { status: 'failure', detail: expect.stringContaining('and'), next: 'npx latchkey golive' },
    ]);
    await shop.stripe('POST', path, { 'enabled_events[0]': '*', disabled: 'true' });
    expect(of(await report(), 'webhook_endpoint')).toMatchObject([{ status: 'failure' }]);
    await shop.stripe('POST', path, { disabled: 'false' });
    expect(of(await report(), 'webhook_endpoint')).toMatchObject([{ status: 'ok' }]);
  });

  it('events that were given up', async () => {
    await meanwhile(
      `UPDATE inbox SET status = 'failed' WHERE id = (SELECT min(id) FROM inbox)`,
      `UPDATE inbox SET status = 'processed' WHERE status = 'failed'`,
      async () => {
        expect(of(await report(), 'billing')).toMatchObject([
          { status: 'warning', next: expect.stringContaining('inbox replay') },
        ]);
      },
    );
  });

  it('a key that Stripe refuses, an account that may not charge, and one that is another’s', async () => {
    const account = { id: 'acct_1', chargesEnabled: true, detailsSubmitted: true, payoutsEnabled: true };
    const found = (change: Partial<typeof account>, stamped: string | null = null) =>
      accountFinding({ account: async () => ({ ...account, ...change }) }, { secretKey: 'sk_live_x', stamped });
    expect(await found({})).toMatchObject({ status: 'ok' });
    expect(await found({ chargesEnabled: false })).toMatchObject({ status: 'failure' });
    expect(await found({}, 'acct_2')).toMatchObject({ status: 'failure', next: expect.stringContaining('acct_2') });
    const refuse = { account: async () => Promise.reject(new Error('Invalid API Key provided')) };
    expect(await accountFinding(refuse, { secretKey: '', stamped: null })).toMatchObject({ status: 'failure' });
  });

  it('a mail server that is not there, and a sender that is nobody', async () => {
    const config = { ...shop.server.app.config, smtpUrl: 'smtp://127.0.0.1:1', mailFrom: 'x@localhost' };
    const { checks } = await examine(mailQuestions(config));
    expect(checks).toMatchObject([
      {
        code: 'mail',
        status: 'failure',
        detail: expect.stringContaining('127.0.0.1'),
        next: expect.stringContaining('SMTP_URL'),
      },
      { code: 'mail_sender', status: 'warning', next: expect.stringContaining('MAIL_FROM') },
    ]);
    const live = { ...config, smtpUrl: null, mode: 'live' } as const;
    expect((await examine(mailQuestions(live))).checks[0]).toMatchObject({ code: 'mail', status: 'failure' });
  });

  it('an address that is another’s, one that nobody answers at, and one without https where money is real', async () => {
    const other = createServer((_request, response) => response.end('{}'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const look = async (mode: 'sandbox' | 'live', url: string) =>
      (await examine([addressQuestion({ mode }, url)])).checks[0]?.status;
    expect(await look('sandbox', address)).toBe('failure');
    await new Promise((resolve) => other.close(resolve));
    expect(await look('sandbox', address)).toBe('warning');
    expect(await look('live', shop.server.url)).toBe('failure');
  });

  it('secrets that others on the machine can read', async () => {
    const dataDir = join(folder, 'data');
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'secrets.json'), '{}');
    const look = async () => (await examine(diskQuestions({ dataDir, databaseUrl: null }))).checks[1]?.status;
    chmodSync(join(dataDir, 'secrets.json'), 0o644);
    expect(await look()).toBe('warning');
    chmodSync(join(dataDir, 'secrets.json'), 0o600);
    expect(await look()).toBe('ok');
  });

  it('a question that is never answered, in time and without holding up the others', async () => {
    const never = { code: 'stuck', next: 'Look there.', ask: () => new Promise<never>(() => {}) };
    const { status, checks } = await examine([never, { code: 'fine', next: '', ask: () => ok('Fine.') }], 20);
    expect(status).toBe('failure');
    expect(checks).toEqual([
      { code: 'stuck', status: 'failure', detail: 'no answer within 0.02 s', next: 'Look there.' },
      { code: 'fine', status: 'ok', detail: 'Fine.', next: null },
    ]);
  });
});

describe('without a server', () => {
  const nowhere = { LATCHKEY_URL: 'http://127.0.0.1:1' };
  const look = async (environment: Record<string, string>) => {
    const { exitCode, out } = await doctor({ ...nowhere, DATA_DIR: folder, ...environment }, ['doctor', '--json']);
    return { exitCode, answer: JSON.parse(out) as Wire };
  };

  it('says that none answers, looks at what can be seen all the same, and names what cannot [I14]', async () => {
    const { exitCode, answer } = await look({ SMTP_URL: mail.url, MAIL_FROM: 'a@shop.example' });
    expect(exitCode).toBe(1);
    expect(of(answer, 'server')).toMatchObject([
      { status: 'failure', detail: expect.stringContaining('No answer from') },
    ]);
    for (const code of ['environment', 'catalog', 'mail'])
      expect(of(answer, code), code).toMatchObject([{ status: 'ok' }]);
    expect(of(answer, 'unseen')).toMatchObject([{ status: 'warning' }]);
  });

  it('names every variable that keeps it from starting', async () => {
    const { answer } = await look({ SANDBOX: 'off', STRIPE_SECRET_KEY: 'sk_live_x', PORT: 'none' });
    expect(of(answer, 'environment').map(({ detail }) => detail)).toContain('PORT');
  });

  it('names what is wrong in the catalog, and a database that does not answer', async () => {
    const file = join(folder, 'broken.yaml');
    writeFileSync(file, 'id: broken\nname: Broken\nkey: { scheme: no-such }\n');
    const { answer } = await look({
      CATALOG: file,
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
      LATCHKEY_SECRET: 'a root secret that is long enough for this',
    });
    expect(of(answer, 'catalog')[0]).toMatchObject({ status: 'failure', next: 'npx latchkey catalog check' });
    expect(of(answer, 'catalog')[0]?.detail).toContain('broken.yaml');
    expect(of(answer, 'database')).toMatchObject([
      { status: 'failure', next: expect.stringContaining('DATABASE_URL') },
    ]);
  });

  it('is words for people unless JSON is wanted, each no with what to do', async () => {
    const { out } = await doctor({ ...nowhere, DATA_DIR: folder });
    expect(out).toMatch(/^no {2}server +No answer from/m);
    expect(out).toMatch(/next: Start it with npm start/);
    expect(out).toMatch(/\d+ checks, \d+ failed, \d+ to know of\./);
  });
});
