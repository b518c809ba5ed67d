import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADMIN_TOKEN,
  createRunningServer,
  MASTER_SECRET,
  ROOT_SECRET,
  type RunningServer,
} from '../support/running-server.ts';

const KEY = /[0-9a-f]{16}(-[0-9a-f]{16}){15}/;

/** Every way in which a key comes into being or passes through the server, with everything it logs kept. */
describe.each(['pglite', 'postgres'] as const)('after a run that issued keys in every way, on %s', (engine) => {
  let folder: string;
  let server: RunningServer;
  const secrets: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-secrets-'));
    server = await createRunningServer({
      engine,
      dataDir: join(folder, 'data'),
      env: { LOG_LEVEL: 'trace', LOG_DIR: join(folder, 'logs') },
    });
    await server.start();
    const call = server.call;
    const bought = await call('POST', '/v1/checkouts', { product: 'infinite-server26', email: 'kept@example.com' });
    const session = bought?.body.id;
    await server.stripe('POST', `/_sandbox/checkout/sessions/${session}/complete`, { payment_method: 'pm_card_visa' });
    const page = await call('GET', `/checkout/success?session_id=${session}`);
    const first = KEY.exec(page?.body ?? '')?.[0] ?? '';
    const issued = await call(
      'POST',
      '/v1/licenses',
      { product: 'infinite-server26', email: 'kept@example.com' },
      {
        'idempotency-key': 'kept-once',
      },
    );
    const second = issued?.body.key;
    for (const key of [first, second]) {
      expect(key).toMatch(KEY);
      const flipped = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
      await call('POST', '/v1/licenses/validate', { key });
      await call('POST', '/v1/licenses/validate', { key: flipped });
      await call('POST', '/v1/licenses/activate', { key, machine: { fingerprint: 'server_001' } });
      await call('POST', '/v1/licenses/activate', { key, machine: { fingerprint: 'server_002' } });
      await call('POST', '/v1/licenses/validate', { key, machine: 7 });
      await call('GET', `/v1/licenses/${key}`);
      secrets.push(key, key.replaceAll('-', ''), key.replaceAll('-', '').slice(128), flipped);
    }
    await call('POST', '/v1/licenses/resend', { email: 'kept@example.com' });
    const apiKey = await call('POST', '/v1/api-keys', { name: 'kept', scopes: ['licenses:read'] });
    secrets.push(apiKey?.body.key, ADMIN_TOKEN, ROOT_SECRET, MASTER_SECRET);
    await call('POST', '/sandbox/time/advance', { days: 40 });
  });

  afterAll(async () => {
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('none of them is in clear in any log', async () => {
    const logs = [server.output(), ...filesBelow(join(folder, 'logs')).map((file) => readFileSync(file, 'latin1'))];
    expect(logs.length).toBeGreaterThan(3);
    // The logs are what they should be: what was done can be read in them.
    for (const said of ['license.issued', 'license.activated', '/v1/licenses/activate', 'subscription.created']) {
      expect(
        logs.some((log) => log.includes(said)),
        said,
      ).toBe(true);
    }
    for (const secret of secrets)
      expect(
        logs.some((log) => log.includes(secret)),
        secret.slice(0, 12),
      ).toBe(false);
  });

  it('none of them is in clear in any column of any table, nor in a file of the database', async () => {
    await server.stop();
    const stored =
      engine === 'postgres'
        ? await everyRow(server.databaseUrl ?? '')
        : filesBelow(join(folder, 'data', 'db')).map((file) => readFileSync(file, 'latin1'));
    expect(stored.join('').length).toBeGreaterThan(20_000);
    // The dump is what it should be: what is meant to be readable can be found in it.
    expect(stored.some((text) => text.includes('kept@example.com'))).toBe(true);
    for (const secret of secrets)
      expect(
        stored.some((text) => text.includes(secret)),
        secret.slice(0, 12),
      ).toBe(false);
  });
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

/** Every table of every schema as text, bytes both as hexadecimal and as they are. */
async function everyRow(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    expect(tables.length).toBeGreaterThan(15);
    const dumps = await Promise.all(tables.map(({ name }) => client.query(`select t.* from ${name} t`)));
    return dumps.flatMap(({ rows }) =>
      rows.map((row) =>
        Object.values(row)
          .map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : JSON.stringify(value)))
          .join('\n'),
      ),
    );
  } finally {
    await client.end();
  }
}
