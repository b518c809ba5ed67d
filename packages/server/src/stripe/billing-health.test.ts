import { describe, expect, it } from 'vitest';
import { type BillingFacts, type DatabaseFacts, judgeBilling, statusOf } from './billing-health.ts';

const quiet: DatabaseFacts = {
  webhooks: { pending: 0, failed: 0, oldestSeconds: 0 },
  intents: { open: 0, oldestSeconds: 0 },
  effects: { pending: 0, dead: 0, oldestSeconds: 0 },
  comparison: { status: 'done', found: 2, fixed: 2 },
};
const withFacts = (facts: Partial<DatabaseFacts>, circuit: BillingFacts['circuit'] = 'closed'): BillingFacts => ({
  circuit,
  knowsWebhookSecret: circuit !== null,
  database: { ...quiet, ...facts },
});

describe('billing is', () => {
  it.each<[string, BillingFacts, 'healthy' | 'degraded' | 'unhealthy', string | null]>([
    ['well when nothing waits', withFacts({}), 'healthy', null],
    ['well before the first comparison', withFacts({ comparison: null }), 'healthy', null],
    ['well without a Stripe', withFacts({}, null), 'healthy', null],
    [
      'well while events have waited less than a minute',
      withFacts({ webhooks: { pending: 900, failed: 0, oldestSeconds: 59 } }),
      'healthy',
      null,
    ],
    [
      'degraded when the inbox falls behind',
      withFacts({ webhooks: { pending: 3, failed: 0, oldestSeconds: 60 } }),
      'degraded',
      'webhooks',
    ],
    [
      'unhealthy when nobody works the inbox off',
      withFacts({ webhooks: { pending: 3, failed: 0, oldestSeconds: 300 } }),
      'unhealthy',
      'webhooks',
    ],
    [
      'degraded when events were given up',
      withFacts({ webhooks: { pending: 0, failed: 1, oldestSeconds: 0 } }),
      'degraded',
      'webhooks',
    ],
    ['degraded when Stripe is away', withFacts({}, 'open'), 'degraded', 'stripe'],
    ['degraded while Stripe is tried again', withFacts({}, 'half_open'), 'degraded', 'stripe'],
    [
      'well while a call to Stripe is tried again',
      withFacts({ intents: { open: 1, oldestSeconds: 899 } }),
      'healthy',
      null,
    ],
    [
      'degraded when a call to Stripe is stuck',
      withFacts({ intents: { open: 1, oldestSeconds: 900 } }),
      'degraded',
      'intents',
    ],
    [
      'degraded when letters were given up',
      withFacts({ effects: { pending: 0, dead: 1, oldestSeconds: 0 } }),
      'degraded',
      'effects',
    ],
    [
      'degraded when letters do not leave',
      withFacts({ effects: { pending: 1, dead: 0, oldestSeconds: 900 } }),
      'degraded',
      'effects',
    ],
    [
      'degraded when a comparison found what was not mended',
      withFacts({ comparison: { status: 'done', found: 2, fixed: 1 } }),
      'degraded',
      'comparison',
    ],
    [
      'degraded when a comparison broke off',
      withFacts({ comparison: { status: 'failed', found: 0, fixed: 0 } }),
      'degraded',
      'comparison',
    ],
    [
      'unhealthy when it cannot believe what Stripe delivers',
      { ...withFacts({}), knowsWebhookSecret: false },
      'unhealthy',
      'webhooks',
    ],
    [
      'unhealthy without its database',
      { circuit: 'closed', knowsWebhookSecret: true, database: null },
      'unhealthy',
      'database',
    ],
  ])('%s', (_name, facts, status, part) => {
    const reasons = judgeBilling(facts);
    expect(statusOf(reasons)).toBe(status);
    expect(reasons.map((reason) => reason.part)).toEqual(part === null ? [] : [part]);
  });

  it('as well as the worst of its parts, and each part is told apart', () => {
    const reasons = judgeBilling(withFacts({ webhooks: { pending: 1, failed: 0, oldestSeconds: 400 } }, 'open'));
    expect(statusOf(reasons)).toBe('unhealthy');
    expect(statusOf(reasons, 'stripe')).toBe('degraded');
    expect(statusOf(reasons, 'database')).toBe('healthy');
  });
});
