export type { Exchange, SandboxObserver } from './observer.ts';
export { type StripeSandbox, type StripeSandboxOptions, startStripeSandbox } from './sandbox.ts';
export { API_VERSION, type FinalRetryOutcome } from './settings.ts';
