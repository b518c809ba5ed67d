import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createCollectingLog } from '../../../test/support/ports.ts';
import { createGroupWriter } from './group-writer.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());

/** A writer of numbers, each of which weighs what it says, that notes what went together. */
function start(batchSize: number, queueSize = 1_000) {
  const batches: number[][] = [];
  const wrote: number[] = [];
  const prepared: number[] = [];
  const writer = createGroupWriter<number, string>({
    ...{ database: test.database, log: createCollectingLog(), name: 'test', batchSize, queueSize },
    weigh: (operation) => operation,
    prepare: async (operations) => void prepared.push(operations.length),
    wrote: (weight) => void wrote.push(weight),
    async apply(_transaction, operations) {
      expect(prepared.length).toBe(batches.length + 1);
      batches.push([...operations]);
      return operations.map(String);
    },
  });
  return { writer, batches, wrote };
}

describe('operations that weigh more than others', () => {
  it('go together up to the weight of a batch, in their order, and alone where one is more', async () => {
    const { writer, batches, wrote } = start(10);
    const answers = await Promise.all([4, 5, 3, 7, 25, 1].map((operation) => writer.submit(operation)));
    expect(batches).toEqual([[4, 5], [3, 7], [25], [1]]);
    expect(wrote).toEqual([9, 10, 25, 1]);
    expect(answers).toEqual(['4', '5', '3', '7', '25', '1']);
    expect(writer.waiting()).toBe(0);
  });

  it('are refused by their weight when too much waits, but one alone never is', async () => {
    const { writer } = start(10, 20);
    const first = writer.submit(30);
    const second = await writer.submit(1).catch((error: Error) => error.message);
    expect(second).toContain('overloaded');
    expect(await first).toBe('30');
  });
});
