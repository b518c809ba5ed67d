import type { UsageOutcome } from '@latchkey/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GroupWriter } from '../ledger/index.ts';
import { createLanes } from './lanes.ts';
import type { SubmittedRequest, UsageOperation } from './write-batch.ts';

type Writer = GroupWriter<UsageOperation, UsageOutcome[]>;

const ask = (account: string, quantity: number) => ({ account, quantity }) as SubmittedRequest;

/** A writer that answers each request with its quantity, after others had their turn. */
function writerInto(seen: SubmittedRequest[]): Writer {
  return {
    async submit({ requests }) {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(...requests);
      return requests.map((request) => ({ quantity: 'quantity' in request ? request.quantity : 0 }) as UsageOutcome);
    },
    waiting: () => 2,
    settled: () => Promise.resolve(),
  };
}

const requests = fc.array(
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'license/lic_1/p/m', 'license/lic_2/p/m'), fc.nat()),
  {
    minLength: 1,
  },
);

describe('lanes', () => {
  it('answer in the order of the requests, and give an account to the same writer each time, in its order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(requests, { minLength: 1 }), async (count, calls) => {
        const seen: SubmittedRequest[][] = Array.from({ length: count }, () => []);
        const lanes = createLanes(seen.map(writerInto));
        for (const call of calls) {
          const outcomes = await lanes.submit(call.map(([account, quantity]) => ask(account, quantity)));
          expect(outcomes.map(({ quantity }) => quantity)).toEqual(call.map(([, quantity]) => quantity));
        }
        const asked = calls.flat();
        for (const account of new Set(asked.map(([name]) => name))) {
          const written = seen.map((lane) => lane.filter((one) => one.account === account));
          const [only, another] = written.filter(({ length }) => length > 0);
          expect(another).toBeUndefined();
          expect(only).toEqual(
            asked.filter(([name]) => name === account).map(([name, quantity]) => ask(name, quantity)),
          );
        }
      }),
    );
  });

  it('fail as the one that failed did, once the others are done', async () => {
    const seen: SubmittedRequest[] = [];
    const away: Writer = { ...writerInto([]), submit: () => Promise.reject(new Error('away')) };
    const accounts = Array.from({ length: 20 }, (_, index) => `license/lic_${index}/p/m`);
    const submitted = createLanes([away, writerInto(seen)]).submit(accounts.map((account) => ask(account, 1)));
    await expect(submitted).rejects.toThrow('away');
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.length).toBeLessThan(accounts.length);
  });

  it('say how much waits in all of them', () => {
    expect(createLanes([writerInto([]), writerInto([])]).waiting()).toBe(4);
  });
});
