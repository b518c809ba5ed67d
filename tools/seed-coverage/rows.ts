/** What the five reference documents ask for, and what this house adds: one row each, in our own short words. */

export interface System {
  /** The letter its rows begin with. */
  letter: string;
  name: string;
  /** What each row is about, the first being row 1. */
  rows: readonly string[];
}

export const SYSTEMS: readonly System[] = [
  {
    letter: 'I',
    name: 'infinite-server26: one subscription, one key, one server',
    rows: [
      'The library’s payments: products, prices, customers, subscriptions, checkouts, webhooks',
      'The library’s licences: made, validated, activated, deactivated, revoked, renewed, listed, counted',
      'The library’s subscriptions: kept, updated, ended, renewed, failed, watched, counted',
      'Keys of 256 hex characters, a SHA-512 and its HMAC under the master secret',
      'A validation’s checks in their order, each failure with its own reason',
      'A new customer: paid, key made and mailed, subscription kept and watched',
      'A renewal extends the licence with the subscription',
      'A cancellation takes the licence',
      'Failed payments: counted, three days of grace, taken at the third, told by mail',
      'An hourly monitor; licences end by themselves; one server each',
      'Statistics of subscriptions, revenue and licences; thirty days where nothing else says',
      'An audit of every operation, and three logs of operations',
      'Stripe’s events at POST /webhook/stripe',
      'A command that finds what is wrong with keys, secrets, database and mail',
    ],
  },
  {
    letter: 'C',
    name: 'crypto-orchestrator: tiers, sealed keys, machines',
    rows: [
      'Four tiers with their prices and features',
      'Customers, subscriptions and the webhook over its own calls',
      'Four kinds of licence with their days, bots and features',
      'Keys whose sealed payload only the secret opens',
      'A licence is bound to a machine; another waits for an admin; every attempt is kept',
      'Making, activating and validating licences, and their features, over its own calls',
      'Demo mode without a licence, with flags and what to say',
      'The whole way from registering to an activated device',
      'How a client starts: without a licence, with one, on which machine',
      'Secrets rotate and issued keys stay valid',
    ],
  },
  {
    letter: 'R',
    name: 'redline2: hours bought in advance',
    rows: [
      'Hours on a licence: bought, used, left; not valid at none',
      'Licences, more hours and use over its own calls',
      'Checkout, success, webhook, balance, packages and page of its payments',
      'Hours are added once, whoever reports the payment, in whatever order',
      'Use is tracked while a session lives, from a key wherever it is sent',
      'Packages and custom amounts, by rate and currency',
      'The payment page: balance, packages, custom hours, history',
      'Without Stripe the page and the calls say so, and the rest works',
      'The licence server in the same process or elsewhere',
    ],
  },
  {
    letter: 'Q',
    name: 'quantum-falcon: tier keys for a front end',
    rows: [
      'Keys with tier, signature and moment, never twice the same',
      'Making and verifying keys over its own calls; what is kept decides',
      'Four tiers, each with the features of those below; days, or for ever',
      'A checkout made elsewhere issues a key, a renewal extends it, an end leads back to free',
      'Health, and calls across origins',
      'Database, mail, admin, monitoring, limits, tests, containers, backups',
    ],
  },
  {
    letter: 'V',
    name: 'investment-system: an API by subscription',
    rows: [
      'Billing, prices, webhook, health and statistics over its own calls',
      'Four tiers with the calls they include and the price of one more',
      'Routes cost units; a middleware checks before and records after, and goes on when tracking fails',
      'Up and down with proration, and a preview that is what is charged',
      'Cards: listed, attached, made the default, detached',
      'Overage: known at once, billed once through Stripe, compared',
      'Use by route and day, latencies, trend; limits that hold under concurrency',
      'A circuit breaker, timeouts and retries around Stripe; a shared cache where one is configured',
      'Everything works without a Stripe account',
      'A monitor: endings, health, comparison and repair, notices, alerts',
      'MRR, ARR, lifetime value, churn, overage revenue, patterns of use',
      'Dashboards for customers and for the vendor',
      'Limits on the billing calls, and an audit of all billing',
    ],
  },
  {
    letter: 'Z',
    name: 'Beyond the five',
    rows: [
      'One command, no account: an embedded database, a local Stripe, a clock that can be moved',
      'Webhooks in any order, repeated or late, end in Stripe’s true state',
      'Limits that cannot be overshot',
      'Durable metering that is fast',
      'Offline: signed files, tolerant machines, revocations, clocks turned back, rotated keys',
      'Every decision is explained',
      'A preview is what is carried out',
      'Every figure of the revenue leads to what made it',
      'Scale by adding processes',
    ],
  },
];

/** Every row’s id, in order. */
export const ROW_IDS: readonly string[] = SYSTEMS.flatMap(({ letter, rows }) =>
  rows.map((_row, index) => `${letter}${index + 1}`),
);

/**
 * Rows that are meant to be shown by a test and are not yet. A row that has one must leave this list, and none may be added. What is in no
 * list and has no test is not built: the page says so.
 */
export const OPEN: readonly string[] = [];

/** Rows of which the tests show a part, with what is missing. */
export const PARTLY: Readonly<Record<string, string>> = {};

/** Rows of which no test shows anything yet because they come later. The same holds for this list. */
export const LATER: readonly string[] = ['Q6', 'V12'];
