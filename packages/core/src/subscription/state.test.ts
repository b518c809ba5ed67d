import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DunningPolicy } from '../catalog/types.ts';
import {
  type InvoiceFacts,
  SUBSCRIPTION_STATUSES,
  type SubscriptionFacts,
  type SubscriptionStatus,
  viewSubscription,
} from './state.ts';

const day = 86_400_000;
const hour = 3_600_000;
const started = Date.UTC(2026, 10, 1);
const renewal = started + 30 * day;
const third = renewal + 31 * day;
const dunning: DunningPolicy = { graceDays: 3, whenGraceEnds: 'suspend', failuresBeforeRevocation: 3 };

const firstPeriod: SubscriptionFacts = {
  status: 'active',
  startedAt: started,
  currentPeriodStart: started,
  currentPeriodEnd: renewal,
};
const secondPeriod: SubscriptionFacts = { ...firstPeriod, currentPeriodStart: renewal, currentPeriodEnd: third };
const pastDue: SubscriptionFacts = { ...secondPeriod, status: 'past_due' };

function invoice(change: Partial<InvoiceFacts> = {}): InvoiceFacts {
  return {
    id: 'in_1',
    status: 'paid',
    created: started,
    finalizedAt: started,
    attemptCount: 1,
    nextAttemptAt: null,
    paysUntil: renewal,
    ...change,
  };
}

const first = invoice();
const owed = (attemptCount: number) =>
  invoice({
    id: 'in_2',
    status: 'open',
    created: renewal,
    finalizedAt: renewal + hour,
    attemptCount,
    paysUntil: third,
  });

describe('what each of Stripe’s statuses means for access', () => {
  it.each([
    ['incomplete', 'pending'],
    ['incomplete_expired', 'ended'],
    ['trialing', 'current'],
    ['active', 'current'],
    ['past_due', 'grace'],
    ['canceled', 'ended'],
    ['unpaid', 'grace'],
    ['paused', 'suspended'],
  ] as const)('%s: %s', (status, standing) => {
    expect(viewSubscription({ ...secondPeriod, status }, [first], dunning, renewal + hour).standing).toBe(standing);
  });
});

describe('an unpaid renewal', () => {
  const view = (attempts: number, now: number, policy = dunning) =>
    viewSubscription(pastDue, [first, owed(attempts)], policy, now);

  it('is in grace from the first attempt for the days of the policy, to the millisecond', () => {
    const graceEnd = renewal + hour + 3 * day;
    expect(view(1, renewal + 2 * hour)).toMatchObject({
      standing: 'grace',
      graceUntil: graceEnd,
      failedPayments: 1,
      paidThrough: renewal,
      lapse: 'in_2',
    });
    expect(view(1, graceEnd - 1).standing).toBe('grace');
    expect(view(1, graceEnd).standing).toBe('suspended');
  });

  it('is revoked at the policy’s number of failures, in grace or after it, and not one earlier', () => {
    for (const now of [renewal + 2 * hour, renewal + 10 * day]) {
      expect(view(2, now).standing).not.toBe('revoked');
      expect(view(3, now).standing).toBe('revoked');
      expect(view(4, now).standing).toBe('revoked');
    }
  });

  it('is never revoked where the policy has no number', () => {
    const never = { ...dunning, failuresBeforeRevocation: null };
    expect(view(50, renewal + 40 * day, never).standing).toBe('suspended');
  });

  it('stays in grace where the policy keeps unpaid customers', () => {
    const keep: DunningPolicy = { ...dunning, whenGraceEnds: 'keep', failuresBeforeRevocation: null };
    expect(view(5, renewal + 100 * day, keep)).toMatchObject({ standing: 'grace', graceUntil: null });
  });

  it('whose invoice is not known yet is in grace from the start of the period it is for', () => {
    const early = viewSubscription(pastDue, [first], dunning, renewal + hour);
    expect(early).toMatchObject({ standing: 'grace', graceUntil: renewal + 3 * day, owedInvoice: null, lapse: null });
  });

  it('that Stripe gave up on is still owed', () => {
    const given = { ...owed(3), status: 'uncollectible' as const };
    expect(viewSubscription(pastDue, [first, given], dunning, renewal + day).standing).toBe('revoked');
  });

  it('that nobody tried to charge yet, that is void, or a draft, is no failure', () => {
    const others = [owed(0), { ...owed(3), status: 'void' as const }, { ...owed(3), status: 'draft' as const }];
    for (const other of others) {
      expect(viewSubscription(pastDue, [first, other], dunning, renewal + hour)).toMatchObject({
        failedPayments: 0,
        owedInvoice: null,
        lapse: null,
      });
    }
  });

  it('followed by another unpaid period gives no second grace, and a revoked licence no second life', () => {
    const next = invoice({ id: 'in_3', status: 'open', created: third, finalizedAt: third + hour, attemptCount: 1 });
    const later = { ...pastDue, currentPeriodStart: third, currentPeriodEnd: third + 30 * day };
    const after = (attempts: number) =>
      viewSubscription(later, [first, owed(attempts), next], dunning, third + 2 * hour);
    expect(after(2)).toMatchObject({ standing: 'suspended', lapse: 'in_2' });
    expect(after(2).owedInvoice?.id).toBe('in_3');
    expect(after(3).standing).toBe('revoked');
  });

  it('from before the last payment is no longer held against the customer', () => {
    const forgotten = { ...owed(3), status: 'uncollectible' as const };
    const paid = invoice({ id: 'in_3', created: third, finalizedAt: third, paysUntil: third + 30 * day });
    const later = { ...pastDue, currentPeriodStart: third + 30 * day, currentPeriodEnd: third + 60 * day };
    expect(viewSubscription(later, [first, forgotten, paid], dunning, third + 30 * day + hour)).toMatchObject({
      standing: 'grace',
      failedPayments: 0,
    });
  });

  it('that is paid in the end leaves no trace but that it had failed', () => {
    const paid = { ...owed(3), status: 'paid' as const };
    expect(viewSubscription(secondPeriod, [first, paid], dunning, renewal + 10 * day)).toEqual({
      standing: 'current',
      paidThrough: third,
      failedPayments: 0,
      graceUntil: null,
      remindAt: null,
      isReminderDue: false,
      leavesPlan: null,
      isPaidAfterFailure: true,
      owedInvoice: null,
      lapse: null,
    });
  });
});

describe('how far is paid', () => {
  it.each([
    ['the latest end of what was paid for', secondPeriod, [first, invoice({ id: 'in_2', paysUntil: third })], third],
    [
      'the period that runs, where a longer one was paid for before',
      firstPeriod,
      [invoice({ paysUntil: third })],
      renewal,
    ],
    ['nothing for an invoice that is open', pastDue, [owed(1)], null],
    ['the paid invoices’ word while a renewal is being charged', secondPeriod, [first], renewal],
    ['without invoices, the first period of an active subscription', firstPeriod, [], renewal],
    ['without invoices, what came before a later period', secondPeriod, [], renewal],
    ['without invoices, nothing of a subscription that is not in good standing', pastDue, [], null],
    ['without invoices, nothing of an incomplete one', { ...firstPeriod, status: 'incomplete' as const }, [], null],
    ['a trial, to its end', { ...firstPeriod, status: 'trialing' as const }, [], renewal],
    [
      'nothing where no period is known',
      { ...firstPeriod, currentPeriodStart: null, currentPeriodEnd: null },
      [],
      null,
    ],
  ] as const)('is %s', (_name, facts, invoices, expected) => {
    expect(viewSubscription(facts, invoices, dunning, renewal).paidThrough).toBe(expected);
  });
});

describe('whatever was heard', () => {
  const anyInvoice: fc.Arbitrary<InvoiceFacts> = fc.record({
    id: fc.nat(20).map((number) => `in_${number}`),
    status: fc.constantFrom('draft', 'open', 'paid', 'uncollectible', 'void'),
    // Few instants, so that several invoices of one second are common.
    created: fc.constantFrom(started, renewal, third),
    finalizedAt: fc.constantFrom(null, started, renewal, third),
    attemptCount: fc.nat(4),
    nextAttemptAt: fc.constant(null),
    paysUntil: fc.constantFrom(null, renewal, third),
  });
  const history = fc
    .uniqueArray(anyInvoice, { selector: ({ id }) => id, maxLength: 6 })
    .chain((invoices) =>
      fc.tuple(
        fc.constant(invoices),
        fc.shuffledSubarray(invoices, { minLength: invoices.length, maxLength: invoices.length }),
      ),
    );
  const anyFacts: fc.Arbitrary<SubscriptionFacts> = fc.record({
    status: fc.constantFrom(...SUBSCRIPTION_STATUSES),
    startedAt: fc.constant(started),
    currentPeriodStart: fc.constantFrom(null, started, renewal),
    currentPeriodEnd: fc.constantFrom(null, renewal, third),
  });
  const anyPolicy: fc.Arbitrary<DunningPolicy> = fc.record({
    graceDays: fc.nat(5),
    whenGraceEnds: fc.constantFrom('suspend', 'keep'),
    failuresBeforeRevocation: fc.option(fc.integer({ min: 1, max: 4 })),
  });
  const anyNow = fc.integer({ min: started, max: third + 40 * day });

  it('the order in which invoices arrived does not matter', () => {
    fc.assert(
      fc.property(anyFacts, history, anyPolicy, anyNow, (facts, [invoices, shuffled], policy, now) => {
        expect(viewSubscription(facts, shuffled, policy, now)).toEqual(viewSubscription(facts, invoices, policy, now));
      }),
    );
  });

  it('good standing owes nothing, and nobody is revoked before the policy’s number of failures', () => {
    fc.assert(
      fc.property(anyFacts, history, anyPolicy, anyNow, (facts, [invoices], policy, now) => {
        const view = viewSubscription(facts, invoices, policy, now);
        if (view.standing === 'current') expect(view).toMatchObject({ failedPayments: 0, owedInvoice: null });
        if (view.standing === 'revoked') {
          expect(view.failedPayments).toBeGreaterThanOrEqual(
            policy.failuresBeforeRevocation ?? Number.POSITIVE_INFINITY,
          );
        }
      }),
    );
  });

  it('time alone only takes away', () => {
    const rank = { pending: 0, current: 0, grace: 1, suspended: 2, revoked: 3, ended: 4 } as const;
    fc.assert(
      fc.property(anyFacts, history, anyPolicy, anyNow, fc.nat(60 * day), (facts, [invoices], policy, now, later) => {
        const before = viewSubscription(facts, invoices, policy, now);
        const after = viewSubscription(facts, invoices, policy, now + later);
        expect(rank[after.standing]).toBeGreaterThanOrEqual(rank[before.standing]);
      }),
    );
  });

  it('a further failed attempt never improves the standing', () => {
    const rank = { grace: 1, suspended: 2, revoked: 3 } as Record<string, number>;
    const status = fc.constantFrom<SubscriptionStatus>('past_due', 'unpaid');
    fc.assert(
      fc.property(anyFacts, status, history, anyPolicy, anyNow, (facts, owing, [invoices], policy, now) => {
        const oneMore = invoices.map((any) => ({ ...any, attemptCount: any.attemptCount + (any.attemptCount && 1) }));
        const before = viewSubscription({ ...facts, status: owing }, invoices, policy, now);
        const after = viewSubscription({ ...facts, status: owing }, oneMore, policy, now);
        expect(rank[after.standing]).toBeGreaterThanOrEqual(rank[before.standing] ?? 0);
      }),
    );
  });
});
