import { type StripeSandbox, type StripeSandboxOptions, startStripeSandbox } from '../../src/index.ts';
import { type ConformanceObserver, createConformanceObserver } from './observer.ts';

/** A sandbox under observation. Closing it fails the test if anything it sent or accepted departs from the SDK's types. */
export interface ObservedSandbox extends StripeSandbox {
  /** Bearer token of its control API under `/_sandbox`. */
  readonly adminToken: string;
  readonly observer: ConformanceObserver;
}

/** Starts a local Stripe in memory on a free port; any option may be given instead, save the observer. */
export async function startObservedSandbox(
  options: Partial<Omit<StripeSandboxOptions, 'observer'>> = {},
): Promise<ObservedSandbox> {
  const observer = await createConformanceObserver();
  const adminToken = options.adminToken ?? 'test-admin-token';
  const sandbox = await startStripeSandbox({ port: 0, stateFile: ':memory:', ...options, adminToken, observer });
  return {
    url: sandbox.url,
    port: sandbox.port,
    adminToken,
    observer,
    async close() {
      await sandbox.close();
      observer.assertConforms();
    },
  };
}
