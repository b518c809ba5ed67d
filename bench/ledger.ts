/** Atomic uses of balances through the ledger's writer, against inserting the same journal rows and nothing else. */
import type { LedgerOperation } from '@latchkey/core';
import pg from 'pg';
import type { Transaction } from '../packages/server/src/db/database.ts';
import { openDatabase } from '../packages/server/src/db/open.ts';
import { applyBatch } from '../packages/server/src/modules/ledger/batch-repository.ts';
import { createLedgerWriter } from '../packages/server/src/modules/ledger/writer.ts';
import { silentLog } from '../packages/server/src/observability/log.ts';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { createDatabase } from './bench-database.ts';
import { CLIENT_CORE, pin, processorSeconds, SERVER_CORE } from './cores.ts';
import { say, show, spreadOf } from './figures.ts';

export interface LedgerOptions {
  seconds: number;
  rounds: number;
}

/** Callers at a time; each waits for its answer before it asks again. */
const CALLERS = 64;
const AT = Date.UTC(2026, 0, 1);

interface Round {
  perSecond: number;
  p99Ms: number;
  /** Of this process and of PostgreSQL's together: what others do on the machine is not in it. */
  processorMicroseconds: number;
}

interface Subject {
  name: string;
  /** One use, answered once it is committed. */
  use(count: number): Promise<void>;
  rounds: Round[];
}

/** Measures and prints. This process has one core to itself, PostgreSQL the other; the subjects are measured in turn. */
export async function benchLedger({ seconds, rounds }: LedgerOptions): Promise<void> {
  pin(process.pid, CLIENT_CORE);
  const postgres = await startPostgresServer({ durable: true });
  pin(process.pid, SERVER_CORE);
  const closing: (() => Promise<void>)[] = [];
  try {
    const url = await createDatabase(postgres.adminUrl, 'ledger');
    const bare = await bareInserts(url, closing);
    const subjects = [bare, await usesOf(url, 1, closing), await usesOf(url, 1_000, closing)];
    say(`ledger: ${CALLERS} callers, ${postgres.description}, ${await durability(url)}`);
    // Not counted: compilers warm up.
    for (const subject of subjects) await runRound(subject, seconds, url);
    for (let round = 0; round < rounds; round += 1) {
      for (const subject of subjects) subject.rounds.push(await runRound(subject, seconds, url));
    }
    report(bare, subjects);
  } finally {
    for (const close of closing) await close();
    await postgres.stop();
  }
}

/** How far a commit can be trusted here: it is the harness that says so. */
async function durability(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const setting = async (name: string) => Object.values((await client.query(`SHOW ${name}`)).rows[0] ?? {})[0];
  const text = `synchronous_commit=${await setting('synchronous_commit')}, fsync=${await setting('fsync')}`;
  await client.end();
  return text;
}

async function usesOf(url: string, accounts: number, closing: (() => Promise<void>)[]): Promise<Subject> {
  const database = await openDatabase({ databaseUrl: url, dataDir: null, log: silentLog, poolSize: 2 });
  closing.push(() => database.close());
  const ids = Array.from({ length: accounts }, (_, account) => `customer/cust_${accounts}_${account}/shop/calls`);
  await database.transaction({ actor: { type: 'system', id: 'bench' } }, async (transaction) => {
    await addCustomers(
      transaction,
      ids.map((id) => id.split('/')[1] ?? ''),
    );
    const lot = { type: 'grant', key: 'all', amount: 1e12, source: 'granted', expiresAt: null, at: AT } as const;
    await applyBatch(
      transaction,
      ids.map((account): LedgerOperation => ({ ...lot, account })),
    );
  });
  const writer = createLedgerWriter({ database, log: silentLog, apply: applyBatch });
  return {
    name: accounts === 1 ? 'uses of one balance' : `uses of ${accounts.toLocaleString('en-US')} balances`,
    rounds: [],
    async use(count) {
      const account = ids[Math.floor(Math.random() * ids.length)] ?? '';
      const { code } = await writer.submit({ type: 'consume', account, key: `use-${count}`, amount: 1, at: AT });
      if (code !== 'done') throw new Error(`A use was answered ${code}.`);
    },
  };
}

async function addCustomers({ connection }: Transaction, ids: readonly string[]): Promise<void> {
  const at = new Date(AT);
  await connection
    .insertInto('customers')
    .values(ids.map((id) => ({ id, created_at: at, updated_at: at })))
    .execute();
}

/** Rows as a use leaves them, in a copy of the journal: gathered while an insert runs, and inserted together by the driver alone. */
async function bareInserts(url: string, closing: (() => Promise<void>)[]): Promise<Subject> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  closing.push(() => client.end());
  await client.query('CREATE TABLE bare_transfers (LIKE ledger_transfers INCLUDING ALL)');
  const columns =
    'account_id, number, operation_key, leg, kind, from_bucket, to_bucket, amount, requested, parts, available_after, at';
  const width = columns.split(',').length;
  const at = new Date(AT).toISOString();
  let waiting: { row: unknown[]; resolve(): void; reject(error: unknown): void }[] = [];
  let running = false;
  let number = 0;
  const run = async () => {
    running = true;
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const values = batch.map(
        (_, row) => `(${Array.from({ length: width }, (__, column) => `$${row * width + column + 1}`).join(', ')})`,
      );
      const text = `INSERT INTO bare_transfers (${columns}) VALUES ${values.join(', ')}`;
      try {
        await client.query(
          text,
          batch.flatMap(({ row }) => row),
        );
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  };
  return {
    name: 'bare inserts',
    rounds: [],
    use: (count) =>
      new Promise((resolve, reject) => {
        number += 1;
        const row = [
          'customer/cust_1_0/shop/calls',
          number,
          `use-${count}`,
          0,
          'consume',
          'available',
          'consumed',
          1,
          1,
          '[["all", 1]]',
          1e12,
          at,
        ];
        waiting.push({ row, resolve, reject });
        if (!running) void run();
      }),
  };
}

let uses = 0;

async function runRound({ use }: Subject, seconds: number, url: string): Promise<Round> {
  const took: number[] = [];
  const pids = [process.pid, ...(await backends(url))];
  const spent = () => pids.reduce((sum, pid) => sum + processorSeconds(pid), 0);
  const before = spent();
  const began = performance.now();
  const until = began + seconds * 1_000;
  const call = async () => {
    for (let now = performance.now(); now < until; ) {
      uses += 1;
      await use(uses);
      const after = performance.now();
      took.push(after - now);
      now = after;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
  const perSecond = took.length / ((performance.now() - began) / 1_000);
  const processorMicroseconds = ((spent() - before) * 1e6) / took.length;
  took.sort((one, other) => one - other);
  return { perSecond, p99Ms: took[Math.floor(took.length * 0.99)] ?? Number.NaN, processorMicroseconds };
}

/** The processes of PostgreSQL that serve this one. */
async function backends(url: string): Promise<number[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>(
    'SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  await client.end();
  return rows.map(({ pid }) => pid);
}

function report(bare: Subject, subjects: readonly Subject[]): void {
  for (const { name, rounds } of subjects) {
    const of = (value: (round: Round) => number, digits = 1) => show(spreadOf(rounds.map(value)), digits);
    const rate = of(({ perSecond }) => perSecond, 0);
    const cost = of(({ processorMicroseconds }) => processorMicroseconds);
    say(`${name.padEnd(22)} ${rate} a second, ${cost} processor µs each, p99 ${of(({ p99Ms }) => p99Ms)} ms`);
  }
  say();
  for (const { name, rounds } of subjects) {
    if (rounds === bare.rounds) continue;
    const ratio = (of: (round: Round) => number) =>
      show(spreadOf(rounds.map((round, index) => of(round) / of(bare.rounds[index] ?? round))), 3);
    const byTime = ratio(({ perSecond }) => perSecond);
    const byProcessor = ratio(({ processorMicroseconds }) => 1 / processorMicroseconds);
    say(`${name} / ${bare.name}: ${byTime} by uses a second, ${byProcessor} by processor time`);
  }
}
