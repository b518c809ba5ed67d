/** Webhooks over HTTP until they are projected, against inserting the rows that they leave. */
import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { startProcess } from '../test/support/processes.ts';
import { createDatabase } from './bench-database.ts';
import { CLIENT_CORE, pin, processorSeconds, SERVER_CORE } from './cores.ts';
import { say, show, spreadOf } from './figures.ts';
import { startLatchkey, WEBHOOK_SECRET } from './latchkey-process.ts';
import { sendLoad } from './load.ts';
import { type RememberedStripe, startRememberedStripe } from './remembered-stripe.ts';
import { liveHistory, type StripeEvent } from './stripe-history.ts';

export interface WebhookOptions {
  customers: number;
  rounds: number;
}

interface Outcome {
  acceptedSeconds: number;
  projectedSeconds: number;
  /** Processor time of the server: what others do on the machine is not in it. */
  processorSeconds: number;
  questions: number;
  licenses: number;
  direct: { oneByOne: number; batched: number };
}

const CONNECTIONS = 16;

/** Measures and prints. Each round has an empty database and a fresh server on one core; everything else has the other. */
export async function benchWebhooks({ customers, rounds }: WebhookOptions): Promise<void> {
  pin(process.pid, CLIENT_CORE);
  const history = await liveHistory(customers);
  const stripe = await startRememberedStripe(history);
  const postgres = await startPostgresServer();
  try {
    say(`webhooks: ${history.length} events of ${customers} customers into ${postgres.description}`);
    const outcomes: Outcome[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const databaseUrl = await createDatabase(postgres.adminUrl, `webhooks_${round}`);
      outcomes.push(await playRound(databaseUrl, history, stripe));
    }
    report(history.length, outcomes);
  } finally {
    await stripe.close();
    await postgres.stop();
  }
}

async function playRound(
  databaseUrl: string,
  history: readonly StripeEvent[],
  stripe: RememberedStripe,
): Promise<Outcome> {
  const latchkey = await startLatchkey(databaseUrl, {
    SANDBOX: 'off',
    CATALOG: 'examples/infinite-server26/catalog.yaml',
    STRIPE_SECRET_KEY: 'sk_test_bench',
    STRIPE_API_URL: stripe.url,
    LOG_LEVEL: 'warn',
  });
  const client = new pg.Client({ connectionString: databaseUrl });
  try {
    await client.connect();
    stripe.takeQuestions();
    const requests = history.map(delivery);
    const began = performance.now();
    const processorBefore = processorSeconds(latchkey.pid);
    const { seconds } = await sendLoad({
      url: latchkey.url,
      requests,
      connections: CONNECTIONS,
      order: 'each once',
      expected: 'Success',
    });
    await untilDrained(client, history.length);
    const projectedSeconds = (performance.now() - began) / 1_000;
    const processor = processorSeconds(latchkey.pid) - processorBefore;
    const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM licenses');
    const questions = stripe.takeQuestions();
    await latchkey.stop();
    const direct = await insertDirectly(databaseUrl);
    const took = { acceptedSeconds: seconds, projectedSeconds, processorSeconds: processor };
    return { ...took, questions, licenses: rows[0]?.count ?? 0, direct };
  } finally {
    await latchkey.stop();
    await client.end();
  }
}

/** A signed delivery as it goes over the wire. */
function delivery(event: StripeEvent): Buffer {
  const body = JSON.stringify(event);
  const at = Math.floor(Date.now() / 1_000);
  const signature = createHmac('sha256', WEBHOOK_SECRET).update(`${at}.${body}`).digest('hex');
  const head = [
    'POST /webhook/stripe HTTP/1.1',
    'Host: 127.0.0.1',
    'Content-Type: application/json; charset=utf-8',
    `Stripe-Signature: t=${at},v1=${signature}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from([...head, '', body].join('\r\n'));
}

async function untilDrained(client: pg.Client, expected: number): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ status: string; count: number }>(
      'SELECT status, count(*)::int AS count FROM inbox GROUP BY status',
    );
    const count = (status: string) => rows.find((row) => row.status === status)?.count ?? 0;
    if (count('failed') > 0) throw new Error(`${count('failed')} events could not be projected.`);
    if (count('processed') + count('ignored') === expected) return;
    await pause(20);
  }
}

async function insertDirectly(databaseUrl: string): Promise<Outcome['direct']> {
  const child = startProcess({ file: 'bench/direct-insert.ts', env: { DATABASE_URL: databaseUrl } });
  pin(child.pid, SERVER_CORE);
  const [, figures = ''] = await child.waitForLine(/^inserted (.+)$/, 300_000);
  return JSON.parse(figures) as Outcome['direct'];
}

function report(events: number, outcomes: readonly Outcome[]): void {
  const rate = (seconds: (outcome: Outcome) => number) => outcomes.map((outcome) => events / seconds(outcome));
  const ratio = (of: (outcome: Outcome) => number) => show(spreadOf(outcomes.map(of)), 3);
  const row = (name: string, values: readonly number[]) => say(`${name.padEnd(34)} ${show(spreadOf(values))}`);
  row(
    'accepted, events/s',
    rate(({ acceptedSeconds }) => acceptedSeconds),
  );
  row(
    'projected, events/s',
    rate(({ projectedSeconds }) => projectedSeconds),
  );
  row(
    'processor µs an event',
    outcomes.map((outcome) => (outcome.processorSeconds / events) * 1_000_000),
  );
  row(
    'rows inserted one by one, events/s',
    rate(({ direct }) => direct.oneByOne),
  );
  row(
    'rows inserted in batches, events/s',
    rate(({ direct }) => direct.batched),
  );
  row(
    'questions to Stripe',
    outcomes.map(({ questions }) => questions),
  );
  row(
    'licences issued',
    outcomes.map(({ licenses }) => licenses),
  );
  say();
  say(
    `ratio projected/one by one         ${ratio(({ direct, projectedSeconds }) => direct.oneByOne / projectedSeconds)}`,
  );
  say(
    `ratio projected/batched            ${ratio(({ direct, projectedSeconds }) => direct.batched / projectedSeconds)}`,
  );
}
