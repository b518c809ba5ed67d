import { createServer, connect as openSocket, type Server, type Socket } from 'node:net';
import { sql } from 'kysely';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabaseUrl } from '../../../../test/support/database.ts';
import { createTestDatabase } from '../../test/support/database.ts';
import { silentLog } from '../observability/log.ts';
import type { Database } from './database.ts';
import { migrate, readMigrations } from './migrate.ts';
import { openDatabase } from './open.ts';

const asTest = { actor: { type: 'system', id: 'test' } } as const;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function openEmpty(): Promise<string> {
  const { url, drop } = await createTestDatabaseUrl();
  closing.push(drop);
  if (url === null) throw new Error('expected PostgreSQL');
  return url;
}

async function openAt(url: string, listener = {}) {
  const database = await openDatabase({ databaseUrl: url, dataDir: null, log: silentLog, poolSize: 4, listener });
  closing.push(() => database.close());
  return database;
}

describe('twenty processes that start together', () => {
  it('migrate once, and all of them find the tables', async () => {
    const url = await openEmpty();
    const databases = await Promise.all(Array.from({ length: 20 }, () => openAt(url)));
    const reports = await Promise.all(databases.map((database) => migrate(database)));
    const applied = reports.flatMap((report) => report.applied);
    expect(applied).toEqual(readMigrations().map(({ name }) => name));
    expect(reports.every(({ current }) => current === readMigrations().length)).toBe(true);
  });
});

describe('two transactions that wait for each other', () => {
  it('both end well, since the one that PostgreSQL ends starts again', async () => {
    const { database, close } = await createTestDatabase();
    closing.push(close);
    const rows = ['a', 'b'].map((key) => ({ key, value: '0', updated_at: new Date() }));
    await database.connection.insertInto('settings').values(rows).execute();
    let arrived = 0;
    let meet = () => {};
    const both = new Promise<void>((resolve) => {
      meet = resolve;
    });
    const add = (first: string, second: string) => {
      let isFirstAttempt = true;
      return database.transaction(asTest, async ({ connection }) => {
        const increment = (key: string) =>
          sql`UPDATE settings SET value = to_jsonb(value::int + 1) WHERE key = ${key}`.execute(connection);
        await increment(first);
        if (isFirstAttempt) {
          isFirstAttempt = false;
          arrived += 1;
          if (arrived === 2) meet();
          await both;
        }
        await increment(second);
      });
    };
    await Promise.all([add('a', 'b'), add('b', 'a')]);
    const values = await database.connection.selectFrom('settings').select('value').execute();
    expect(values).toEqual([{ value: 2 }, { value: 2 }]);
  });
});

/** Stands between a client and PostgreSQL, and can break the connection or fall silent. */
async function createProxy(url: string) {
  const target = new URL(url);
  const { hostname, port } = target;
  const sockets: Socket[] = [];
  let isSilent = false;
  const server: Server = createServer((client) => {
    const upstream = openSocket(Number(port), hostname);
    sockets.push(client, upstream);
    client.on('data', (bytes) => isSilent || upstream.write(bytes));
    upstream.on('data', (bytes) => isSilent || client.write(bytes));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('close', () => other.destroy());
      one.on('error', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  target.port = String(typeof address === 'object' ? address?.port : '');
  const breakAll = () => {
    for (const socket of sockets.splice(0)) socket.destroy();
  };
  closing.push(async () => {
    breakAll();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: target.href,
    breakAll,
    setSilent: (silent: boolean) => {
      isSilent = silent;
    },
  };
}

/** Listens through the proxy and tells what it hears, in order. */
async function listenThrough(database: Database) {
  const events: string[] = [];
  let tell = () => {};
  const push = (event: string) => {
    events.push(event);
    tell();
  };
  await database.listen('latchkey_license', push, { onLost: () => push('lost'), onRestored: () => push('restored') });
  return {
    events,
    async until(event: string) {
      while (events.at(-1) !== event) {
        await new Promise<void>((resolve) => {
          tell = resolve;
        });
      }
    },
  };
}

describe('the connection for notices', () => {
  it.each(['breaks', 'falls silent'] as const)(
    'says so when it %s, comes back by itself, and hears again',
    async (how) => {
      const url = await openEmpty();
      const proxy = await createProxy(url);
      const sender = await openAt(url);
      const database = await openAt(proxy.url, { heartbeatMs: 50, heartbeatTimeoutMs: 200, reconnectFirstMs: 5 });
      const heard = await listenThrough(database);
      const send = (payload: string) =>
        sender.transaction(asTest, (transaction) => transaction.notify('latchkey_license', payload));
      await send('before');
      await heard.until('before');
      if (how === 'breaks') proxy.breakAll();
      else proxy.setSilent(true);
      await heard.until('lost');
      await send('meanwhile');
      proxy.setSilent(false);
      await heard.until('restored');
      await send('after');
      await heard.until('after');
      expect(heard.events).toEqual(['before', 'lost', 'restored', 'after']);
    },
  );

  it('reaches a listener that joined while it was broken', async () => {
    const url = await openEmpty();
    const proxy = await createProxy(url);
    const database = await openAt(proxy.url, { heartbeatMs: 50, heartbeatTimeoutMs: 200, reconnectFirstMs: 50 });
    const first = await listenThrough(database);
    proxy.breakAll();
    await first.until('lost');
    const second = await listenThrough(database);
    expect(second.events).toEqual(['lost']);
    await second.until('restored');
    const sender = await openAt(url);
    await sender.transaction(asTest, (transaction) => transaction.notify('latchkey_license', 'hello'));
    await second.until('hello');
    expect(second.events).toEqual(['lost', 'restored', 'hello']);
  });

  it('to a server that is not there fails at once, with the reason', async () => {
    const database = await openAt('postgres://nobody@127.0.0.1:1/none');
    await expect(database.listen('latchkey_license', () => {})).rejects.toThrow(/ECONNREFUSED/);
  });
});
