import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ClockState,
  controlCall,
  createCustomer,
  createPrice,
  DAY,
  HOUR,
  sdk,
  startTestStripe,
  type TestStripe,
} from './harness.ts';
import { Receiver } from './receiver.ts';

let folder: string;
let stateFile: string;
const closing: (() => Promise<void> | void)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stripe-sandbox-'));
  stateFile = join(folder, 'state.sqlite');
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** Starts the program itself, as `npm run stripe` does, and waits until it says where it is. */
async function startProgram(...args: string[]): Promise<{ process: ChildProcess; port: number; output: string }> {
  const child = spawn(
    process.execPath,
    [main, '--port', '0', '--state', stateFile, '--admin-token', 'token', ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  closing.push(() => void child.kill('SIGKILL'));
  let output = '';
  for await (const chunk of child.stdout) {
    output += String(chunk);
    if (output.includes('Webhook ')) break;
  }
  return { process: child, port: Number(/127\.0\.0\.1:(\d+)/.exec(output)?.[1]), output };
}

function exited(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

async function startOwn(): Promise<TestStripe> {
  return startTestStripe({ stateFile });
}

describe('the program', () => {
  it('killed without warning has lost nothing it answered, and goes on after a restart', async () => {
    const first = await startProgram();
    const stripe = sdk(first.port);
    const price = await createPrice(stripe);
    const customer = await createCustomer(stripe);
    const made: string[] = [];
    const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
    // Requests are on their way when the kill comes; those that were answered must be there.
    const requests = Array.from({ length: 60 }, async (_, index) => {
      const one = await stripe.customers.create({ name: `c${index}` }, { idempotencyKey: `key-${index}` });
      made.push(one.id);
      if (made.length === 25) first.process.kill('SIGKILL');
    });
    const gone = exited(first.process);
    await Promise.allSettled(requests);
    await gone;
    expect(made.length).toBeGreaterThanOrEqual(25);

    const second = await startProgram();
    const again = sdk(second.port);
    const stored = await again.customers.list({ limit: 100 });
    expect(stored.data.map((one) => one.id)).toEqual(expect.arrayContaining(made));
    expect((await again.subscriptions.retrieve(subscription.id)).status).toBe('active');
    // The answer kept under a key is the same after the restart.
    const replayed = await again.customers.create({ name: 'c0' }, { idempotencyKey: 'key-0' });
    expect(made).toContain(replayed.id);
    const end = subscription.items.data[0]?.current_period_end ?? 0;
    const to = new Date((end + 2 * HOUR) * 1000).toISOString();
    await controlCall(`http://127.0.0.1:${second.port}`, 'token', 'POST', '/clock', { to });
    expect((await again.invoices.list({ subscription: subscription.id })).data.map((one) => one.status)).toEqual([
      'paid',
      'paid',
    ]);
  });

  it('says where it is and how to use it, creates its webhook endpoint once, and ends on SIGTERM', async () => {
    const receiver = new Receiver();
    closing.push(() => receiver.close());
    const url = await receiver.listen();
    const first = await startProgram('--webhook-url', url);
    expect(first.output).toContain('Admin token    token');
    expect(first.output).toContain(`port: ${first.port}`);
    const secret = /whsec_\w+/.exec(first.output)?.[0] ?? '';
    const gone = exited(first.process);
    first.process.kill('SIGTERM');
    expect(await gone).toBe(0);
    const second = await startProgram('--webhook-url', url);
    expect(/whsec_\w+/.exec(second.output)?.[0]).toBe(secret);
    await sdk(second.port).products.create({ name: 'P' });
    await controlCall(`http://127.0.0.1:${second.port}`, 'token', 'POST', '/webhooks/settle', {});
    expect(receiver.events(secret).map((event) => event.type)).toEqual(['product.created']);
  });
});

describe('a sandbox that is opened again', () => {
  it('goes on from the time it was moved to', async () => {
    const first = await startOwn();
    const to = (await first.now()) + 100 * DAY;
    await first.moveTo(to);
    await first.close();
    const second = await startOwn();
    closing.push(() => second.close());
    const { now } = await second.control<ClockState>('GET', '/clock');
    // Time has passed since, so it must be past that moment: a clock that only refused to go back would stand still on it.
    expect(Date.parse(now)).toBeGreaterThan(to * 1000);
    expect(Date.parse(now)).toBeLessThan((to + 60) * 1000);
  });

  it('delivers what the last run had not delivered', async () => {
    const receiver = new Receiver();
    closing.push(() => receiver.close());
    const url = await receiver.listen();
    receiver.answer = () => 'hang';
    const first = await startOwn();
    const { secret } = await first.stripe.webhookEndpoints.create({ url, enabled_events: ['*'] });
    for (let index = 0; index < 12; index += 1) await first.stripe.customers.create({ name: String(index) });
    await first.close();
    receiver.received.length = 0;
    receiver.answer = () => 200;
    const second = await startOwn();
    closing.push(() => second.close());
    await second.settle();
    const names = receiver.events(secret ?? '').map((event) => (event.data.object as { name?: string }).name);
    expect([...new Set(names)].sort()).toEqual(Array.from({ length: 12 }, (_, index) => String(index)).sort());
  });

  it('carries out what fell due while nothing ran, at its own time', async () => {
    const first = await startOwn();
    const price = await createPrice(first.stripe, { interval: 'day' });
    const customer = await createCustomer(first.stripe);
    const subscription = await first.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    await first.close();
    // The state file as a machine finds it that was switched off for two days and a half.
    const { Database } = await import('../src/store/database.ts');
    const database = new Database(stateFile);
    database.setMeta('clock_offset_ms', String(2.5 * DAY * 1000));
    database.close();
    const second = await startOwn();
    closing.push(() => second.close());
    const invoices = await second.stripe.invoices.list({ subscription: subscription.id });
    const start = subscription.created;
    expect(invoices.data.map((invoice) => [invoice.status, invoice.created - start])).toEqual([
      ['paid', 2 * DAY],
      ['paid', DAY],
      ['paid', 0],
    ]);
  });

  it('is not opened by a program older than the state file', async () => {
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(stateFile);
    database.exec('PRAGMA user_version = 999');
    database.close();
    await expect(startOwn()).rejects.toThrow(/version 999/);
  });
});
