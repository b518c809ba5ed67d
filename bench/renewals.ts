/** A year of monthly renewals by moving the clock: the server and its local Stripe in one process. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import pg from 'pg';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { createDatabase } from './bench-database.ts';
import { CLIENT_CORE, pin, processorSeconds } from './cores.ts';
import { say, show, spreadOf } from './figures.ts';
import { ADMIN_TOKEN, type MeasuredServer, memoryOf, startLatchkey } from './latchkey-process.ts';

export interface RenewalOptions {
  subscriptions: number;
  months: number;
}

interface Month {
  seconds: number;
  memory: number;
}

const AT_ONCE = 16;
const MEBIBYTE = 1_048_576;

/** Measures and prints. Ends with an error unless every subscription was charged, and its licence extended, for every month. */
export async function benchRenewals({ subscriptions, months }: RenewalOptions): Promise<void> {
  pin(process.pid, CLIENT_CORE);
  const postgres = await startPostgresServer();
  try {
    const databaseUrl = await createDatabase(postgres.adminUrl, 'renewals');
    say(`renewals: ${months} months of ${subscriptions} monthly subscriptions, on ${postgres.description}`);
    const latchkey = await startLatchkey(databaseUrl, {
      CATALOG: 'examples/infinite-server26/catalog.yaml',
      LOG_LEVEL: 'warn',
    });
    const client = new pg.Client({ connectionString: databaseUrl });
    try {
      await client.connect();
      await subscribe(latchkey, client, subscriptions);
      const began = { memory: memoryOf(latchkey), processor: processorSeconds(latchkey.pid) };
      const lived: Month[] = [];
      for (let month = 0; month < months; month += 1) lived.push(await liveOneMonth(latchkey, month));
      await check(client, { subscriptions, months });
      const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM inbox');
      report(latchkey, { lived, began, renewals: subscriptions * months, events: rows[0]?.count ?? 0 });
    } finally {
      await client.end();
      await latchkey.stop();
    }
  } finally {
    await postgres.stop();
  }
}

/** Subscriptions of as many customers, as another program of the vendor's would make them; resolves once all have their licence. */
async function subscribe(latchkey: MeasuredServer, client: pg.Client, count: number): Promise<void> {
  const { rows } = await client.query<{ price: string }>('SELECT stripe_price_id AS price FROM catalog_prices');
  const numbers = Array.from({ length: count }, (_, number) => number);
  const stripe = sandboxOf(latchkey);
  const next = async (): Promise<void> => {
    for (let number = numbers.pop(); number !== undefined; number = numbers.pop()) {
      const customer = await call(stripe, '/v1/customers', {
        email: `customer-${number}@example.com`,
        payment_method: 'pm_card_visa',
        'invoice_settings[default_payment_method]': 'pm_card_visa',
      });
      await call(stripe, '/v1/subscriptions', { customer: customer.id, 'items[0][price]': rows[0]?.price ?? '' });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  await advance(latchkey, { minutes: 1 });
}

/** A month of 31 days, so that the last has renewed too, whatever the calendar says. */
async function liveOneMonth(latchkey: MeasuredServer, month: number): Promise<Month> {
  const began = performance.now();
  await advance(latchkey, { days: 31 });
  const seconds = (performance.now() - began) / 1_000;
  const memory = memoryOf(latchkey);
  say(`  month ${month + 1}: ${seconds.toFixed(1)} s, ${(memory / MEBIBYTE).toFixed(0)} MiB`);
  return { seconds, memory };
}

async function check(client: pg.Client, { subscriptions, months }: RenewalOptions): Promise<void> {
  const { rows } = await client.query<{ paid: number; active: number; failed: number }>(`
    SELECT (SELECT count(*) FROM stripe_objects WHERE type = 'invoice' AND data ->> 'status' = 'paid')::int AS paid,
      (SELECT count(*) FROM licenses JOIN subscriptions ON subscriptions.id = licenses.subscription_id
        WHERE coverage = 'renewing' AND expires_at = current_period_end)::int AS active,
      (SELECT count(*) FROM inbox WHERE status NOT IN ('processed', 'ignored'))::int AS failed`);
  const { paid, active, failed } = rows[0] ?? { paid: 0, active: 0, failed: 0 };
  if (paid < subscriptions * (months + 1) || active !== subscriptions || failed > 0) {
    throw new Error(`Not as it must be: ${paid} invoices paid, ${active} licences that renew, ${failed} events left.`);
  }
}

function report(
  latchkey: MeasuredServer,
  run: { lived: Month[]; began: { memory: number; processor: number }; renewals: number; events: number },
): void {
  const { lived, began, renewals, events } = run;
  const total = lived.reduce((sum, { seconds }) => sum + seconds, 0);
  const mebibytes = (bytes: number) => `${(bytes / MEBIBYTE).toFixed(0)} MiB`;
  say(`all of it                          ${total.toFixed(1)} s, ${(renewals / total).toFixed(0)} renewals/s`);
  say(`a month, s                         ${show(spreadOf(lived.map(({ seconds }) => seconds)), 1)}`);
  say(`processor time                     ${(processorSeconds(latchkey.pid) - began.processor).toFixed(1)} s`);
  say(`events delivered                   ${events.toLocaleString('en-US')}`);
  say(
    `memory before, after, at most      ${mebibytes(began.memory)}, ${mebibytes(memoryOf(latchkey))}, ${mebibytes(mostMemory(latchkey))}`,
  );
}

function mostMemory({ pid }: MeasuredServer): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;
}

/** `npm start` puts the local Stripe on the next port. */
function sandboxOf({ url }: MeasuredServer): string {
  const address = new URL(url);
  address.port = String(Number(address.port) + 1);
  return address.origin;
}

/** A month can take longer than `fetch` waits for an answer. */
function advance({ url }: MeasuredServer, span: Record<string, number>): Promise<void> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/sandbox/time/advance`, { method: 'POST', headers }, (answer) => {
      answer.resume();
      answer.on('error', reject);
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`The clock did not move: ${answer.statusCode}.`)),
      );
    });
    asked.on('error', reject);
    asked.end(JSON.stringify(span));
  });
}

async function call(origin: string, path: string, form: Record<string, string>): Promise<{ id: string }> {
  const headers = { authorization: 'Bearer sk_test_bench' };
  const answer = await fetch(`${origin}${path}`, { method: 'POST', headers, body: new URLSearchParams(form) });
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as { id: string };
}
