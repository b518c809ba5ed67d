import { expect, it } from 'vitest';
import { liveASubscription } from '../examples/subscription.ts';
import { startObservedSandbox } from './conformance/observed-sandbox.ts';
import { sdk } from './harness.ts';

it('a program that knows only the official SDK lives through a subscription; every answer is what its types say', async () => {
  const problems: string[] = [];
  const sandbox = await startObservedSandbox({ log: (line) => problems.push(line) });
  const steps: string[] = [];
  await liveASubscription(sdk(sandbox.port), (line) => steps.push(line));
  expect(steps).toHaveLength(8);
  expect(problems).toEqual([]);
  const { answers, requests, errors, events } = sandbox.observer.seen;
  expect({ answers, requests }).toEqual({ answers: requests, requests: answers });
  expect(answers).toBeGreaterThan(130);
  expect(events).toBeGreaterThan(130);
  expect(errors).toBe(6);
  // Closing throws a list of everything that departed from the SDK's types.
  await sandbox.close();
}, 60_000);
