import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createCollectingLog } from '../../test/support/ports.ts';
import { jobCatalogue } from './catalogue.ts';
import { createQueue, type Queue } from './queue.ts';

const asTest = { actor: { type: 'system', id: 'test' } } as const;
const log = createCollectingLog();
const received: { name: string; data: object }[] = [];
let waiters: (() => void)[] = [];
let release = () => {};
let test: TestDatabase;
let queue: Queue;

const note = (name: string) => async (data: object) => {
  received.push({ name, data });
  for (const waiter of waiters) waiter();
};

/** Waits until as many jobs of that name have come. */
async function arrival(name: string, count = 1): Promise<object[]> {
  for (;;) {
    const found = received.filter((one) => one.name === name);
    if (found.length >= count) return found.map(({ data }) => data);
    await new Promise<void>((resolve) => waiters.push(resolve));
    waiters = [];
  }
}

beforeAll(async () => {
  test = await createTestDatabase({ log });
  queue = createQueue({
    database: test.database,
    log,
    jobs: [
      { name: 'plain', handler: note('plain') },
      {
        name: 'flaky',
        retryDelaySeconds: 1,
        retryLimit: 1,
        handler: async (data: object) => {
          await note('flaky')(data);
          throw new Error('does not work');
        },
      },
      {
        name: 'slow',
        handler: async (data: object) => {
          await note('slow')(data);
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          await note('slow-done')(data);
        },
      },
    ],
  });
  await queue.start();
});
afterAll(async () => {
  await queue.stop();
  await test.close();
});

describe('a job', () => {
  it('is done soon after it was sent', async () => {
    const sent = Date.now();
    await queue.send('plain', { number: 1 });
    expect(await arrival('plain')).toEqual([{ number: 1 }]);
    expect(Date.now() - sent).toBeLessThan(5_000);
  });

  it('that was sent in a transaction comes with its commit, and not at all without one', async () => {
    received.length = 0;
    const undone = test.database.transaction(asTest, async (transaction) => {
      await queue.send('plain', { undone: true }, { transaction });
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    await test.database.transaction(asTest, (transaction) => queue.send('plain', { kept: true }, { transaction }));
    expect(await arrival('plain')).toEqual([{ kept: true }]);
  });

  it('that is sent beside an open transaction is refused instead of waiting for ever', async () => {
    const mistaken = test.database.transaction(asTest, () => queue.send('plain'));
    await expect(mistaken).rejects.toThrow(/inside an open transaction/);
  });

  it('that fails is tried again, then kept as a dead letter', async () => {
    await queue.send('flaky', { hopeless: true });
    await arrival('flaky', 2);
    expect(log.lines.filter(({ message }) => message.startsWith('a job failed')).length).toBeGreaterThanOrEqual(1);
    await expect.poll(() => queue.deadLetters(), { timeout: 10_000 }).toBe(1);
  });

  it('at work is finished before the queue has stopped', async () => {
    await queue.send('slow', { id: 1 });
    await arrival('slow');
    const stopped = queue.stop();
    release();
    await stopped;
    expect(received.map(({ name }) => name)).toContain('slow-done');
  });
});

describe('the sweep', () => {
  it('wakes every worker and does every chore, whatever becomes of the others', async () => {
    const done: string[] = [];
    const chore = (name: string, fails = false) => ({
      name,
      run: async () => {
        done.push(name);
        if (fails) throw new Error('disk full');
      },
    });
    const jobs = jobCatalogue({
      workers: [{ wake: () => void done.push('inbox') }, { wake: () => void done.push('outbox') }],
      everyMinute: [chore('first', true), chore('second')],
    });
    const sweep = jobs.find(({ name }) => name === 'sweep');
    await expect(sweep?.handler({})).rejects.toThrow('These failed: first.');
    expect(done).toEqual(['inbox', 'outbox', 'first', 'second']);
  });
});
