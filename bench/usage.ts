/** Use over HTTP, in batches and one by one, and checks that reserve, against inserting the same rows and nothing else. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { createDatabase } from './bench-database.ts';
import { pin, processorSeconds, SERVER_CORE } from './cores.ts';
import { say, show, spreadOf } from './figures.ts';
import { ADMIN_TOKEN, type MeasuredServer, startLatchkey } from './latchkey-process.ts';
import { sendLoad } from './load.ts';

export interface UsageBenchOptions {
  seconds: number;
  rounds: number;
  /** Events that are there before, for a second measurement; 0 for none. */
  stored: number;
}

/** The core of PostgreSQL. */
const DATABASE_CORE = 1;
const BATCH = 100;
const LICENSES = 100;
const BATCH_LICENSES = 10;
/** Calls at a time, of one event or of a batch: enough for some to be read while others are written. */
const CONNECTIONS = 64;
/** The path and body of a call of which each is different. */
type Call = () => { path: string; body: string };

interface Round {
  perSecond: number;
  p99Ms: number;
  /** Of whoever writes and of PostgreSQL for them, for each row or event: what others do on the machine is not in it. */
  processorMicroseconds: number;
}

interface Subject {
  name: string;
  run(seconds: number): Promise<Round>;
  rounds: Round[];
}

/** Measures and prints: PostgreSQL on one core, server and sender on the other; bare and ours by turns. */
export async function benchUsage({ seconds, rounds, stored }: UsageBenchOptions): Promise<void> {
  // PostgreSQL keeps the core that it is started on to itself; whoever asks it, the server or the bare driver, has the other.
  pin(process.pid, DATABASE_CORE);
  const postgres = await startPostgresServer({ durable: true });
  pin(process.pid, SERVER_CORE);
  const url = await createDatabase(postgres.adminUrl, 'usage');
  const server = await startLatchkey(url, { LOG_LEVEL: 'error' });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let bare: Awaited<ReturnType<typeof bareInserts>> | undefined;
  try {
    const { rows } = await client.query('SHOW synchronous_commit');
    say(`usage: ${postgres.description}, synchronous_commit=${Object.values(rows[0] ?? {})[0]}, ${LICENSES} licences`);
    const keys = await issueLicenses(server);
    bare = await bareInserts(url, await useOnce(server, keys, client));
    const before = subjectsOf(server, keys, bare);
    await measure(before, seconds, rounds);
    if (stored > 0) {
      await store(client, stored);
      const after = subjectsOf(server, keys, bare);
      say(`with ${stored.toLocaleString('en-US')} events stored:`);
      await measure(after, seconds, rounds);
      for (const [index, { name, rounds: later }] of after.entries()) {
        const earlier = before[index]?.rounds ?? [];
        const compare = (figure: 'perSecond' | 'processorMicroseconds') =>
          show(spreadOf(later.map((round, place) => round[figure] / (earlier[place]?.[figure] ?? Number.NaN))), 2);
        say(
          `${name}: ${compare('perSecond')} of the rate it was, at ${compare('processorMicroseconds')} of the processor time`,
        );
      }
    }
  } finally {
    await bare?.close();
    await client.end();
    await server.stop();
    await postgres.stop();
  }
}

async function measure(subjects: readonly Subject[], seconds: number, rounds: number): Promise<void> {
  // Not counted: compilers warm up.
  for (const subject of subjects) await subject.run(seconds);
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of subjects) subject.rounds.push(await subject.run(seconds));
  }
  for (const { name, rounds: measured } of subjects) {
    const rate = show(spreadOf(measured.map(({ perSecond }) => perSecond)));
    const cost = show(spreadOf(measured.map(({ processorMicroseconds }) => processorMicroseconds)), 1);
    const p99 = show(spreadOf(measured.map(({ p99Ms }) => p99Ms)), 1);
    say(`${name.padEnd(30)} ${rate} a second, ${cost} processor µs each, p99 ${p99} ms`);
  }
  for (let index = 0; index + 1 < subjects.length; index += 2) {
    const [bare, ours] = [subjects[index], subjects[index + 1]];
    if (bare === undefined || ours === undefined) continue;
    const ratios = ours.rounds.map((one, round) => one.perSecond / (bare.rounds[round]?.perSecond ?? Number.NaN));
    const costs = ours.rounds.map(
      (one, round) => (bare.rounds[round]?.processorMicroseconds ?? Number.NaN) / one.processorMicroseconds,
    );
    say(
      `${ours.name} / ${bare.name}: ${show(spreadOf(ratios), 2)} by rate, ${show(spreadOf(costs), 2)} by processor time`,
    );
  }
}

function subjectsOf(
  server: MeasuredServer,
  keys: readonly string[],
  bare: Awaited<ReturnType<typeof bareInserts>>,
): Subject[] {
  const key = () => keys[Math.floor(Math.random() * keys.length)] ?? '';
  const event = () => ({ id: randomUUID(), meter: 'calls', license_key: key(), quantity: 1 });
  // What a vendor's server gathers in a moment: several events of each of some customers.
  const batch: Call = () => {
    const some = Array.from({ length: BATCH_LICENSES }, key);
    const events = Array.from({ length: BATCH }, (_, index) => ({
      ...event(),
      license_key: some[index % some.length],
    }));
    return { path: '/v1/usage', body: JSON.stringify(events) };
  };
  const single: Call = () => ({ path: '/v1/usage', body: JSON.stringify(event()) });
  const check: Call = () => ({
    path: '/v1/usage/check',
    body: JSON.stringify({ meter: 'calls', license_key: key(), quantity: 1, reserve: true, hold_seconds: 60 }),
  });
  const ours = (name: string, call: Call, weight: number, connections: number, expected: string): Subject => ({
    name,
    rounds: [],
    async run(seconds) {
      const requests = { length: 1, at: () => requestOf(server.url, call()) };
      const pids = [server.pid, ...(await bare.backendsOf('latchkey'))];
      const before = spentBy(pids);
      const {
        count,
        seconds: took,
        p99Ms,
      } = await sendLoad({
        ...{ url: server.url, requests, connections, order: 'random', seconds, expected, stayAwake: false },
      });
      const processorMicroseconds = ((spentBy(pids) - before) * 1e6) / (count * weight);
      return { perSecond: (count * weight) / took, p99Ms, processorMicroseconds };
    },
  });
  const rowsOf = (name: string, weight: number, callers: number): Subject => ({
    name,
    rounds: [],
    run: (seconds) => bare.run(seconds, weight, callers),
  });
  return [
    rowsOf('bare rows, 100 together', BATCH, CONNECTIONS),
    ours('events in batches of 100', batch, BATCH, CONNECTIONS, `{"accepted":${BATCH},`),
    rowsOf('bare rows, one by one', 1, CONNECTIONS),
    ours('events one by one', single, 1, CONNECTIONS, '{"accepted":1,'),
    rowsOf('bare rows, one by one, again', 1, CONNECTIONS),
    ours('checks that reserve', check, 1, CONNECTIONS, '{"allowed":true,'),
  ];
}

function spentBy(pids: readonly number[]): number {
  let seconds = 0;
  for (const pid of pids) seconds += processorSeconds(pid);
  return seconds;
}

function requestOf(url: string, { path, body }: ReturnType<Call>): Buffer {
  const { host } = new URL(url);
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: ${host}`,
    `authorization: Bearer ${ADMIN_TOKEN}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

async function issueLicenses({ url }: MeasuredServer): Promise<string[]> {
  const keys: string[] = [];
  for (let index = 0; index < LICENSES; index += 1) {
    const response = await fetch(`${url}/v1/licenses`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ product: 'investment-system', plan: 'enterprise' }),
    });
    const { key } = (await response.json()) as { key: string };
    keys.push(key);
  }
  return keys;
}

/** Brings the accounts of licences into being, by one use of each, and resolves to the accounts' ids. */
async function useOnce({ url }: MeasuredServer, keys: readonly string[], client: pg.Client): Promise<string[]> {
  const events = keys.map((license_key) => ({ id: randomUUID(), meter: 'calls', license_key, quantity: 1 }));
  const response = await fetch(`${url}/v1/usage`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  if (!response.ok) throw new Error(`The first use was answered with ${response.status}.`);
  const { rows } = await client.query<{ id: string }>('SELECT id FROM ledger_accounts');
  return rows.map(({ id }) => id);
}

/**
 * Rows as events of these accounts leave them, in copies of the same tables with the same indexes: gathered while an insert runs, and
 * inserted together by the driver alone.
 */
async function bareInserts(url: string, accounts: readonly string[]) {
  const client = new pg.Client({ connectionString: url, application_name: 'bare' });
  await client.connect();
  await client.query('CREATE TABLE bare_events (LIKE usage_events INCLUDING ALL)');
  await client.query('CREATE TABLE bare_ids (LIKE usage_event_ids INCLUDING ALL, PRIMARY KEY (key))');
  let waiting: { count: number; resolve(): void; reject(error: unknown): void }[] = [];
  let running = false;
  const run = async () => {
    running = true;
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await insert(batch.reduce((sum, { count }) => sum + count, 0));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  };
  const any = () => accounts[Math.floor(Math.random() * accounts.length)] ?? '';
  async function insert(count: number): Promise<void> {
    const ids = Array.from({ length: count }, () => randomUUID());
    // As many of one account together as events of a batch are.
    const owners: string[] = [];
    const run = Math.max(1, count < BATCH ? 1 : BATCH / BATCH_LICENSES);
    while (owners.length < count) owners.push(...Array.from<string>({ length: run }).fill(any()));
    const at = new Date().toISOString();
    await client.query('BEGIN');
    await client.query({
      name: 'bare_events',
      text: `INSERT INTO bare_events (id, account_id, at, received_at, quantity, covered, overage, uncovered, operation)
        SELECT id, account_id, $3, $3, 1, 1, 0, 0, '~usage/use_00000000000000000000000000'
        FROM unnest($1::text[], $2::text[]) AS event (id, account_id)`,
      values: [ids, owners, at],
    });
    await client.query({
      name: 'bare_ids',
      text: 'INSERT INTO bare_ids (key, received_at, at, quantity) SELECT key, $2, $2, 1 FROM unnest($1::uuid[]) AS key',
      values: [ids, at],
    });
    await client.query('COMMIT');
  }
  const submit = (count: number) =>
    new Promise<void>((resolve, reject) => {
      waiting.push({ count, resolve, reject });
      if (!running) void run();
    });
  const backendsOf = async (name: string): Promise<number[]> => {
    const { rows } = await client.query<{ pid: number }>(
      'SELECT pid FROM pg_stat_activity WHERE application_name = $1',
      [name],
    );
    return rows.map(({ pid }) => pid);
  };
  return {
    backendsOf,
    close: () => client.end(),
    async run(seconds: number, weight: number, callers: number): Promise<Round> {
      const took: number[] = [];
      const pids = [process.pid, ...(await backendsOf('bare'))];
      const before = spentBy(pids);
      const began = performance.now();
      const until = began + seconds * 1_000;
      const caller = async () => {
        for (let now = performance.now(); now < until; ) {
          await submit(weight);
          const after = performance.now();
          took.push(after - now);
          now = after;
        }
      };
      await Promise.all(Array.from({ length: callers }, caller));
      const perSecond = (took.length * weight) / ((performance.now() - began) / 1_000);
      const processorMicroseconds = ((spentBy(pids) - before) * 1e6) / (took.length * weight);
      took.sort((one, other) => one - other);
      return { perSecond, processorMicroseconds, p99Ms: took[Math.floor(took.length * 0.99)] ?? Number.NaN };
    },
  };
}

/** Events of the last weeks, of the same accounts, as if they had come one after another. */
async function store(client: pg.Client, stored: number): Promise<void> {
  const now = new Date();
  for (const days of [0, 10, 20, 30]) {
    await client.query('SELECT usage_make_month($1)', [new Date(now.getTime() - days * 86_400_000)]);
  }
  const STEP = 500_000;
  for (let first = 0; first < stored; first += STEP) {
    const values = [first, Math.min(first + STEP, stored) - 1, now];
    await client.query(
      `WITH accounts AS (SELECT array_agg(id) AS ids FROM ledger_accounts),
        made AS (SELECT number, $3::timestamptz - random() * interval '30 days' AS at FROM generate_series($1::int, $2::int) AS number)
      INSERT INTO usage_events (id, account_id, at, received_at, quantity, covered, overage, uncovered)
        SELECT 'stored-' || number, ids[1 + number % cardinality(ids)], at, at, 1, 1, 0, 0 FROM made, accounts`,
      values,
    );
    await client.query(
      `INSERT INTO usage_event_ids (key, received_at, at, quantity)
        SELECT md5('stored-' || number)::uuid, $3, $3, 1 FROM generate_series($1::int, $2::int) AS number`,
      values,
    );
  }
  await client.query('ANALYZE usage_events, usage_event_ids');
  // They came a long time ago: what PostgreSQL has still to write of them is no part of what follows.
  await client.query('CHECKPOINT');
}
