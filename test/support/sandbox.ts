// Every local Stripe of a test run is observed: its close() throws when anything departed from the SDK's types.
export {
  type ObservedSandbox as TestSandbox,
  startObservedSandbox as startTestSandbox,
} from '../../packages/stripe-sandbox/test/conformance/observed-sandbox.ts';
