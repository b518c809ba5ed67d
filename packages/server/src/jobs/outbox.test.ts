import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import type { TransactionOptions } from '../db/database.ts';
import { nextAttempt } from './back-off.ts';
import { createOutbox, readOutboxLag } from './outbox.ts';
import { createOutboxStep, type Deliverer, releaseOutboxClaims } from './outbox-delivery.ts';
import { createWorker, type Worker } from './worker.ts';

const asTest: TransactionOptions = { actor: { type: 'system', id: 'test' } };
const ports = createTestPorts();
const outbox = createOutbox(ports);
let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.connection.deleteFrom('outbox').execute();
  await test.database.connection.deleteFrom('settings').execute();
});

const enqueue = (effectKey: string, kind = 'letter') =>
  test.database.transaction(asTest, (transaction) =>
    outbox.enqueue(transaction, { effectKey, kind, payload: { license: 'lic_1' } }),
  );

function workerOver(deliverers: Record<string, Deliverer>, crashPoint = (_: string) => {}): Worker {
  const step = createOutboxStep({
    database: test.database,
    clock: ports.clock,
    log: ports.log,
    deliverers,
    crashPoint,
  });
  return createWorker({ name: 'outbox', step, log: ports.log, wall: ports.clock.wall });
}

const rows = () =>
  test.database.connection
    .selectFrom('outbox')
    .select(['effect_key', 'status', 'attempts'])
    .orderBy('effect_key')
    .execute();

/** Writes a row, so that it shows whether the delivery and its mark are one. */
const writes = (key: string): Deliverer => ({
  mode: 'transactional',
  deliver: async ({ connection }) => {
    await connection.insertInto('settings').values({ key, value: '1', updated_at: ports.clock.wall() }).execute();
  },
});
const written = async () => (await test.database.connection.selectFrom('settings').select('key').execute()).length;

describe('an effect', () => {
  it('happens once, however often and by however many it is asked for', async () => {
    expect(await enqueue('license/lic_1/issued')).toBe(true);
    expect(await enqueue('license/lic_1/issued')).toBe(false);
    const asked = await Promise.all(Array.from({ length: 10 }, () => enqueue('license/lic_2/issued')));
    expect(asked.filter(Boolean)).toHaveLength(1);
    const sent: string[] = [];
    await workerOver({ letter: { mode: 'external', deliver: async (row) => void sent.push(row.effectKey) } }).settled();
    expect(await enqueue('license/lic_1/issued')).toBe(false);
    expect(sent).toEqual(['license/lic_1/issued', 'license/lic_2/issued']);
  });

  it('is not there when its transaction is not', async () => {
    const undone = test.database.transaction(asTest, async (transaction) => {
      await outbox.enqueue(transaction, { effectKey: 'undone', kind: 'letter', payload: {} });
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    expect(await rows()).toEqual([]);
  });

  it('of a kind that this process does not know stays for another', async () => {
    await enqueue('later', 'telegram');
    await workerOver({ letter: writes('one') }).settled();
    expect(await rows()).toEqual([{ effect_key: 'later', status: 'pending', attempts: 0 }]);
  });

  it('wakes its worker after the commit', async () => {
    let woken = 0;
    const waking = createOutbox({
      ...ports,
      wake: () => {
        woken += 1;
      },
    });
    await test.database.transaction(asTest, async (transaction) => {
      await waking.enqueue(transaction, { effectKey: 'one', kind: 'letter', payload: {} });
      expect(woken).toBe(0);
    });
    expect(woken).toBe(1);
  });
});

describe('a delivery that fails', () => {
  it.each(['transactional', 'external'] as const)('is tried again after its back-off (%s)', async (mode) => {
    await enqueue('flaky');
    let attempts = 0;
    const deliver = async () => {
      attempts += 1;
      if (attempts < 3) throw new Error('mail server down');
    };
    const worker = workerOver({ letter: { mode, deliver } });
    await worker.settled();
    await worker.settled();
    expect(attempts).toBe(1);
    ports.clock.pass(1_000);
    await worker.settled();
    expect(attempts).toBe(2);
    ports.clock.pass(5_000);
    await worker.settled();
    expect(await rows()).toEqual([{ effect_key: 'flaky', status: 'delivered', attempts: 3 }]);
  });

  it('leaves nothing of what it wrote, and runs none of its actions after the commit', async () => {
    await enqueue('half');
    const deliverer = writes('half');
    let acted = false;
    const failing: Deliverer = {
      mode: 'transactional',
      deliver: async (transaction, row) => {
        if (deliverer.mode === 'transactional') await deliverer.deliver(transaction, row);
        transaction.afterCommit(() => {
          acted = true;
        });
        throw new Error('second half');
      },
    };
    await workerOver({ letter: failing }).settled();
    expect(await written()).toBe(0);
    expect(acted).toBe(false);
    expect(await rows()).toEqual([{ effect_key: 'half', status: 'pending', attempts: 1 }]);
  });

  it('becomes a dead letter after the last attempt, visible in the lag', async () => {
    await enqueue('hopeless');
    const worker = workerOver({
      letter: {
        mode: 'external',
        deliver: async () => {
          throw new Error('no such mailbox');
        },
      },
    });
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await worker.settled();
      ports.clock.pass(24 * 60 * 60 * 1_000);
    }
    expect(await rows()).toEqual([{ effect_key: 'hopeless', status: 'dead', attempts: 11 }]);
    expect(await readOutboxLag(test.database.connection, ports.clock.wall())).toEqual({
      pending: 0,
      dead: 1,
      oldestSeconds: 0,
    });
  });

  it('does not hold up the others', async () => {
    await enqueue('broken', 'broken');
    await enqueue('fine');
    const broken: Deliverer = {
      mode: 'external',
      deliver: async () => {
        throw new Error('no');
      },
    };
    await workerOver({ broken, letter: writes('fine') }).settled();
    expect(await written()).toBe(1);
  });
});

describe('a process that ends half-way', () => {
  const points = ['outbox.claimed', 'outbox.delivered', 'outbox.committed'];
  it.each(points)('at %s leaves a transactional effect that happens exactly once', async (point) => {
    await enqueue('once');
    const dying = workerOver({ letter: writes('once') }, (name) => {
      if (name === point) throw new Error('killed');
    });
    await expect(dying.settled()).rejects.toThrow('killed');
    await workerOver({ letter: writes('once') }).settled();
    expect(await written()).toBe(1);
    expect((await rows()).map((row) => row.status)).toEqual(['delivered']);
  });

  it('after claiming an external effect gives it to others when the lease is over, or at once where it was alone', async () => {
    await enqueue('leased');
    const sent: string[] = [];
    const deliverers: Record<string, Deliverer> = {
      letter: { mode: 'external', deliver: async (row) => void sent.push(row.effectKey) },
    };
    await new Promise<void>((resolve) => {
      const never = (): Promise<void> => {
        resolve();
        return new Promise(() => {});
      };
      const { database } = test;
      const dying = createOutboxStep({
        database,
        ...ports,
        deliverers: { letter: { mode: 'external', deliver: never } },
      });
      void dying();
    });
    await workerOver(deliverers).settled();
    expect(sent).toEqual([]);
    await releaseOutboxClaims(test.database.connection);
    await workerOver(deliverers).settled();
    expect(sent).toEqual(['leased']);
  });
});

it('the back-off grows, covers a night and ends', () => {
  const wall = new Date('2026-01-01T00:00:00Z');
  let total = 0;
  let last = 0;
  for (let attempts = 1; attempts <= 10; attempts += 1) {
    const wait = (nextAttempt(attempts, wall)?.getTime() ?? 0) - wall.getTime();
    expect(wait).toBeGreaterThan(last);
    last = wait;
    total += wait;
  }
  expect(total).toBeGreaterThan(8 * 60 * 60 * 1_000);
  expect(nextAttempt(11, wall)).toBeNull();
});
