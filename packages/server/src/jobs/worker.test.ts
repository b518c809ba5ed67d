import { describe, expect, it } from 'vitest';
import { createCollectingLog } from '../../test/support/ports.ts';
import { silentLog } from '../observability/log.ts';
import { createWorker, type StepResult } from './worker.ts';

const wall = () => new Date();
const nothing: StepResult = { worked: false, nextAttemptAt: null };

/** Steps that wait until they are told to go on. */
function gate() {
  const open: (() => void)[] = [];
  return {
    pass: () => new Promise<void>((resolve) => open.push(resolve)),
    open: () => open.shift()?.(),
    waiting: () => open.length,
  };
}

describe('a worker', () => {
  it('goes on until the table is empty, and settles only then', async () => {
    let rows = 5;
    const worker = createWorker({
      name: 'rows',
      log: silentLog,
      wall,
      step: async () => {
        if (rows === 0) return nothing;
        rows -= 1;
        return { worked: true };
      },
    });
    await worker.settled();
    expect(rows).toBe(0);
  });

  it('looks once more, and only once, after wakes that came while it was looking', { timeout: 5_000 }, async () => {
    let looks = 0;
    await new Promise<void>((resolve) => {
      const worker = createWorker({
        name: 'rows',
        log: silentLog,
        wall,
        step: async () => {
          looks += 1;
          if (looks === 1) {
            worker.wake();
            worker.wake();
          } else resolve();
          return nothing;
        },
      });
      worker.start();
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(looks).toBe(2);
  });

  it('takes as many rows at a time as it may, and no more', async () => {
    const doors = gate();
    let rows = 10;
    const worker = createWorker({
      name: 'rows',
      concurrency: 3,
      log: silentLog,
      wall,
      step: async () => {
        if (rows === 0) return nothing;
        rows -= 1;
        await doors.pass();
        return { worked: true };
      },
    });
    const settled = worker.settled();
    let most = 0;
    while (rows > 0 || doors.waiting() > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, doors.waiting());
      doors.open();
    }
    await settled;
    expect(most).toBe(3);
  });

  it('comes back by itself for a row that falls due later', async () => {
    const done = new Promise<void>((resolve) => {
      let looks = 0;
      const worker = createWorker({
        name: 'rows',
        log: silentLog,
        wall,
        step: async () => {
          looks += 1;
          if (looks === 1) return { worked: false, nextAttemptAt: new Date(Date.now() + 20) };
          void worker.stop();
          resolve();
          return nothing;
        },
      });
      worker.start();
    });
    await done;
  });

  it('tells of a round that threw, tries again by itself, and loses nothing', async () => {
    const log = createCollectingLog();
    let done = () => {};
    const finished = new Promise<void>((resolve) => {
      done = resolve;
    });
    let looks = 0;
    const worker = createWorker({
      name: 'rows',
      log,
      wall,
      step: async () => {
        looks += 1;
        if (looks === 1) throw new Error('database gone');
        done();
        return nothing;
      },
    });
    worker.start();
    await expect(worker.settled()).rejects.toThrow('database gone');
    await finished;
    expect(log.lines).toMatchObject([{ level: 'error', fields: { worker: 'rows', failures: 1 } }]);
    await worker.stop();
  });

  it('finishes what is in flight when it stops, and takes nothing new', async () => {
    const doors = gate();
    let finished = 0;
    const worker = createWorker({
      name: 'rows',
      log: silentLog,
      wall,
      step: async () => {
        await doors.pass();
        finished += 1;
        return { worked: true };
      },
    });
    worker.start();
    const stopped = worker.stop();
    worker.wake();
    doors.open();
    await stopped;
    expect(finished).toBe(1);
    await expect(worker.settled()).rejects.toThrow(/stopped/);
  });
});
