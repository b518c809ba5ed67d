/** The local Stripe of a sandbox: our own, started here, or another process's that this one joins. */

import { join } from 'node:path';
import { startStripeSandbox } from '@latchkey/stripe-sandbox';
import type { Config } from '../config/config.ts';
import type { Log } from '../observability/log.ts';
import { createSandboxControl, type SandboxControl } from './control.ts';

export interface LocalStripe {
  url: string;
  control: SandboxControl;
  close(): Promise<void>;
}

/** What the sandbox calls itself with when no key was given; the local Stripe takes any test key. */
export const SANDBOX_SECRET_KEY = 'sk_test_latchkey_sandbox';

export async function bootLocalStripe(config: Config, adminToken: string, log: Log): Promise<LocalStripe> {
  const { joinUrl, port } = config.sandbox;
  if (joinUrl !== null) {
    return { url: joinUrl, control: createSandboxControl({ url: joinUrl, adminToken }), async close() {} };
  }
  const sandbox = await startStripeSandbox({
    port,
    host: config.host,
    stateFile: join(config.dataDir, 'stripe-sandbox.sqlite'),
    adminToken,
    log: (line) => log.info({}, `local Stripe: ${line}`),
  });
  return {
    url: sandbox.url,
    control: createSandboxControl({ url: sandbox.url, adminToken }),
    close: () => sandbox.close(),
  };
}
