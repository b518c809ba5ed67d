import { defineConfig } from 'vitest/config';

const serverTests = ['packages/server/src/**/*.test.ts', 'packages/server/test/**/*.test.ts'];
// Races and several processes need a database server: such files are named *.postgres.test.ts.
const postgresOnly = '**/*.postgres.test.ts';
// What a second engine would say nothing new about runs on PostgreSQL alone, the quicker one; on both with LATCHKEY_TEST_LONG=1. Every
// statement of the server is run on both by the tests of the module it stands in.
const onOneEngine = [
  // Products' older calls have no SQL of their own: test/architecture keeps the database from them.
  'dialects/{crypto-orchestrator,infinite-server26,investment-system,redline2}/**',
  'dialects/quantum-falcon/{app,conformance,wire}.test.ts',
  // Lives of many months, orders of events drawn at random, outages: what is tried is when things happen.
  'modules/subscriptions/changing-later.test.ts',
  'stripe/{any-order,house-outage,overage-by-use,overage-histories,taken-back}.test.ts',
  // No database at all.
  '{config,observability,redis,security}/**',
  'catalog/{examples,load,problems}.test.ts',
  'modules/licenses/{packed-licenses,ready-answers,snapshots,turns}.test.ts',
  'stripe/{client,normalise}/**',
].map((path) => `packages/server/src/${path}`);
const notOnPglite = process.env.LATCHKEY_TEST_LONG === '1' ? [] : onOneEngine;
// Tests of the house itself (who imports whom, the checkers): quick, and without any service.
const houseTests = ['test/architecture/**/*.test.ts', 'test/support/**/*.test.ts', 'tools/**/*.test.ts'];
const never = ['**/node_modules/**', '**/dist/**', '**/data/**'];
// Starts one PostgreSQL for the whole run, and only when a project that names it has tests to run.
const withPostgres = ['test/support/postgres-for-the-run.ts'];

const limits = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  pool: 'forks',
  // What is waited for comes when it comes: a second is little on a machine with other work.
  expect: { poll: { timeout: 10_000 } },
} as const;
const together = { ...limits, maxWorkers: 2, sequence: { groupOrder: 0 } };
// The files of a worker share its modules: loading them, and compiling the embedded database, was a third of all the work.
const sharing = { ...together, isolate: false };
// One file at a time, after the others: these are races that want the machine for themselves.
const alone = { ...limits, maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 1 } };
// Whole systems, each in processes and on ports of its own. They wait for one another as much as they work: a third
// finds the machine idle.
const systems = { ...limits, maxWorkers: 3, sequence: { groupOrder: 2 }, testTimeout: 180_000, hookTimeout: 180_000 };

export default defineConfig({
  test: {
    passWithNoTests: true,
    // Both engines run the same files; a test that hangs must not hold the run beyond this.
    teardownTimeout: 20_000,
    projects: [
      { test: { ...together, name: 'core', include: ['packages/core/**/*.test.ts'], exclude: never } },
      {
        test: {
          ...together,
          name: 'stripe-sandbox',
          include: ['packages/stripe-sandbox/**/*.test.ts'],
          exclude: never,
        },
      },
      {
        test: {
          ...sharing,
          name: 'sdk',
          include: ['packages/sdk/**/*.test.ts'],
          exclude: [...never, postgresOnly],
          env: { LATCHKEY_TEST_ENGINE: 'pglite' },
        },
      },
      { test: { ...together, name: 'house', include: houseTests, exclude: [...never, postgresOnly] } },
      {
        test: {
          ...sharing,
          name: 'server-pglite',
          include: serverTests,
          exclude: [...never, postgresOnly, ...notOnPglite],
          env: { LATCHKEY_TEST_ENGINE: 'pglite' },
        },
      },
      {
        test: {
          ...sharing,
          name: 'server-postgres',
          include: serverTests,
          exclude: [...never, postgresOnly],
          env: { LATCHKEY_TEST_ENGINE: 'postgres' },
          globalSetup: withPostgres,
        },
      },
      {
        test: {
          ...alone,
          name: 'postgres-only',
          include: [`packages/${postgresOnly}`, `test/${postgresOnly}`],
          exclude: never,
          env: { LATCHKEY_TEST_ENGINE: 'postgres' },
          globalSetup: withPostgres,
        },
      },
      {
        test: {
          ...systems,
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: [...never, ...houseTests, postgresOnly],
          globalSetup: withPostgres,
        },
      },
    ],
  },
});
