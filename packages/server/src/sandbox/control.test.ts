import { addMs, dayMs } from '@latchkey/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../../test/support/sandbox.ts';
import { createSandboxControl } from './control.ts';

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.close());

it('moves the local Stripe’s clock, and is content where it has passed the instant by itself', async () => {
  const control = createSandboxControl(sandbox);
  const { now } = await control.clock();
  await control.moveTo(addMs(now, dayMs));
  const moved = await control.clock();
  expect(moved.now.getTime()).toBeGreaterThanOrEqual(now.getTime() + dayMs);
  await control.moveTo(addMs(moved.now, -1));
  expect((await control.clock()).now.getTime()).toBeGreaterThanOrEqual(moved.now.getTime());
  const strangers = createSandboxControl({ ...sandbox, adminToken: 'another' });
  await expect(strangers.moveTo(addMs(now, dayMs))).rejects.toMatchObject({ code: 'unavailable' });
});
