import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainTerms } from '../../test/license-snapshot.ts';
import type { CancellationPolicy, DunningPolicy } from '../catalog/types.ts';
import { type Hold, licenseStatus } from '../license/state.ts';
import {
  coverageFor,
  type KnownBefore,
  type Letter,
  type LicenseCoverage,
  lettersFor,
  NOTHING_KNOWN,
  nextTransitionAt,
} from './effects.ts';
import { nextReminderAt } from './notices.ts';
import { type InvoiceFacts, SUBSCRIPTION_STATUSES, type SubscriptionFacts, viewSubscription } from './state.ts';

const day = 86_400_000;
const hour = 3_600_000;
const started = Date.UTC(2026, 10, 1);
const renewal = started + 30 * day;
const third = renewal + 31 * day;
const dunning: DunningPolicy = { graceDays: 3, whenGraceEnds: 'suspend', failuresBeforeRevocation: 3 };
const revoking: CancellationPolicy = { effect: 'revoke', downgradeTo: null };
const expiring: CancellationPolicy = { effect: 'expire', downgradeTo: null };
const fallingBack: CancellationPolicy = { effect: 'downgrade', downgradeTo: 'free' };

const active: SubscriptionFacts = {
  status: 'active',
  startedAt: started,
  currentPeriodStart: started,
  currentPeriodEnd: renewal,
};
const renewed = { ...active, currentPeriodStart: renewal, currentPeriodEnd: third };
const first: InvoiceFacts = {
  id: 'in_1',
  status: 'paid',
  created: started,
  finalizedAt: started,
  attemptCount: 1,
  nextAttemptAt: null,
  paysUntil: renewal,
};
const second = (status: InvoiceFacts['status'], attemptCount: number): InvoiceFacts => ({
  id: 'in_2',
  status,
  created: renewal,
  finalizedAt: renewal + hour,
  attemptCount,
  nextAttemptAt: null,
  paysUntil: third,
});

type State = { facts: SubscriptionFacts; invoices: readonly InvoiceFacts[]; now: number };
const view = ({ facts, invoices, now }: State) => viewSubscription(facts, invoices, dunning, now);

/** Stations of a subscription's life, in the order of time. */
const life = {
  unpaid: { facts: { ...active, status: 'incomplete' }, invoices: [], now: started },
  bought: { facts: active, invoices: [first], now: started },
  renewed: { facts: renewed, invoices: [first, second('paid', 1)], now: renewal + hour },
  failed: { facts: { ...renewed, status: 'past_due' }, invoices: [first, second('open', 1)], now: renewal + 2 * hour },
  graceOver: {
    facts: { ...renewed, status: 'past_due' },
    invoices: [first, second('open', 2)],
    now: renewal + 4 * day,
  },
  thirdFailure: {
    facts: { ...renewed, status: 'unpaid' },
    invoices: [first, second('open', 3)],
    now: renewal + 10 * day,
  },
  recovered: { facts: renewed, invoices: [first, second('paid', 4)], now: renewal + 11 * day },
  paused: { facts: { ...renewed, status: 'paused' }, invoices: [first], now: renewal + hour },
  canceled: { facts: { ...active, status: 'canceled' }, invoices: [first], now: started + day },
  neverPaid: { facts: { ...active, status: 'incomplete_expired' }, invoices: [], now: started + day },
} as const satisfies Record<string, State>;

/** What a license looks like with a coverage applied, the way the coverage asks to be applied. */
function statusUnder(coverage: LicenseCoverage, now: number, cleared: readonly Hold[] = []) {
  const holds: Hold[] = [...cleared];
  if (coverage.payment !== null) holds.push({ cause: 'payment', ...coverage.payment });
  if (coverage.cancel !== null) holds.push({ cause: 'cancel', ...coverage.cancel });
  const expiresAt = coverage.expiresAt ?? renewal;
  const state = { startsAt: started, expiresAt, termBeginsWith: null, coverage: coverage.coverage, holds };
  return licenseStatus(state, plainTerms, now);
}

describe('the licence of a subscription', () => {
  it.each([
    ['bought', 'active'],
    ['renewed', 'active'],
    ['failed', 'grace'],
    ['graceOver', 'suspended'],
    ['thirdFailure', 'revoked'],
    ['recovered', 'active'],
    ['paused', 'suspended'],
    ['canceled', 'revoked'],
  ] as const)('%s is %s', (station, status) => {
    const state: State = life[station];
    expect(statusUnder(coverageFor(view(state), revoking, state.now), state.now)).toBe(status);
  });

  it('canceled, with a policy that lets what was paid run out, lasts until then', () => {
    const { now } = life.canceled;
    const coverage = coverageFor(view(life.canceled), expiring, now);
    expect(coverage).toMatchObject({ coverage: 'ended', expiresAt: renewal, cancel: null });
    expect(statusUnder(coverage, now)).toBe('active');
    expect(statusUnder(coverage, renewal)).toBe('expired');
  });

  it('falls back to the lower plan at the end of what was paid, not before, and not where the policy is another', () => {
    const seen = view(life.canceled);
    const end = seen.paidThrough ?? 0;
    expect(coverageFor(seen, fallingBack, end - 1)).toMatchObject({
      coverage: 'ended',
      fallBackTo: null,
      cancel: null,
    });
    expect(coverageFor(seen, fallingBack, end)).toMatchObject({ coverage: 'term', fallBackTo: 'free', cancel: null });
    expect(nextTransitionAt(seen, fallingBack, end - 1)).toBe(end);
    expect(nextTransitionAt(seen, fallingBack, end)).toBeNull();
    expect(coverageFor(seen, expiring, end).fallBackTo).toBeNull();
    expect(coverageFor(view(life.neverPaid), fallingBack, end).fallBackTo).toBeNull();
  });

  it('whose policy leaves a plan is not withheld when the grace ends, and is all it was once it is paid', () => {
    const policy: DunningPolicy = { ...dunning, whenGraceEnds: 'downgrade', downgradeTo: 'free' };
    const at = ({ facts, invoices, now }: State) => viewSubscription(facts, invoices, policy, now);
    const over = at(life.graceOver);
    expect(over).toMatchObject({ standing: 'suspended', leavesPlan: 'free' });
    expect(coverageFor(over, revoking, life.graceOver.now)).toMatchObject({ coverage: 'past_due', payment: null });
    expect(coverageFor(at(life.failed), revoking, life.failed.now).payment).toBeNull();
    expect(at(life.recovered)).toMatchObject({ standing: 'current', leavesPlan: null });
    // Three failures revoke whatever the grace left, and a pause is no matter of payment.
    expect(coverageFor(at(life.thirdFailure), revoking, life.thirdFailure.now).payment).toMatchObject({
      effect: 'revoke',
    });
    expect(coverageFor(at(life.paused), revoking, life.paused.now).payment).toMatchObject({ effect: 'suspend' });
  });

  it('in grace already bears the hold that will suspend it, so that no clock has to come by', () => {
    const { payment } = coverageFor(view(life.failed), revoking, life.failed.now);
    expect(payment).toMatchObject({ effect: 'suspend', effectiveAt: renewal + hour + 3 * day });
  });

  it('that was paid in the end is free of the payment’s hold and of nothing else', () => {
    const coverage = coverageFor(view(life.recovered), revoking, life.recovered.now);
    expect(coverage).toMatchObject({ payment: null, cancel: null, expiresAt: third });
    const admin: Hold = { cause: 'admin', effect: 'suspend', effectiveAt: started, reason: null };
    expect(statusUnder(coverage, life.recovered.now, [admin])).toBe('suspended');
  });

  it('bears no hold of payment or cancellation unless the subscription says so', () => {
    for (const station of ['unpaid', 'bought', 'renewed', 'recovered'] as const) {
      expect(coverageFor(view(life[station]), revoking, life[station].now)).toMatchObject({
        payment: null,
        cancel: null,
      });
    }
  });
});

/** Tells a history, state by state, and gives the letters sent: each occasion once. */
function lettersOf(states: readonly State[]): string[] {
  const sent = new Set<string>();
  let before: KnownBefore = NOTHING_KNOWN;
  for (const state of states) {
    const now = view(state);
    for (const letter of lettersFor(before, now)) sent.add(name(letter));
    before = now;
  }
  return [...sent];
}

const name = ({ template, occasion }: Letter) => `${template} ${occasion}`;

describe('the letters about a subscription', () => {
  it('are none for the purchase: the key is its letter', () => {
    expect(lettersOf([life.unpaid, life.bought])).toEqual([]);
  });

  it('of a whole life come once each, however often each state is told', () => {
    const { unpaid, bought, failed, graceOver, thirdFailure, recovered } = life;
    const canceled: State = { ...recovered, facts: { ...renewed, status: 'canceled' } };
    const expected = [
      'payment-failed in_2-attempt-1',
      'payment-failed in_2-attempt-2',
      'subscription-suspended in_2',
      'license-revoked in_2',
      `payment-recovered until-${third}`,
      'subscription-canceled ended',
    ];
    const states: State[] = [unpaid, bought, failed, graceOver, thirdFailure, recovered, canceled];
    expect(lettersOf(states)).toEqual(expected);
    expect(lettersOf(states.flatMap((state) => [state, state, state]))).toEqual(expected);
  });

  it('remind of what is owed a day before the grace ends, once, and not of what is paid by then', () => {
    const dayBefore: State = { ...life.failed, now: renewal + hour + 2 * day };
    const justBefore: State = { ...dayBefore, now: dayBefore.now - 1 };
    const failed = 'payment-failed in_2-attempt-1';
    expect(lettersOf([life.bought, life.failed, justBefore])).toEqual([failed]);
    expect(lettersOf([life.bought, life.failed, dayBefore, dayBefore])).toEqual([failed, 'payment-reminder in_2']);
    expect(lettersOf([life.bought, life.failed, { ...life.renewed, now: dayBefore.now }])).toEqual([
      failed,
      `payment-recovered until-${third}`,
    ]);
    expect(nextReminderAt(view(life.failed), life.failed.now)).toBe(dayBefore.now);
    expect(nextReminderAt(view(dayBefore), dayBefore.now)).toBeNull();
  });

  it('remind of nothing in a grace time of a day, or in one without an end', () => {
    for (const policy of [{ graceDays: 1 }, { whenGraceEnds: 'keep' }] as const) {
      const { facts, invoices } = life.failed;
      const short = viewSubscription(facts, invoices, { ...dunning, ...policy }, renewal + hour + day - 1);
      expect(lettersFor(NOTHING_KNOWN, short).map(({ template }) => template)).toEqual(['payment-failed']);
    }
  });

  it('say of a payment that it ended a lapse also when only its own attempts tell', () => {
    const paid: State = { ...life.renewed, invoices: [first, second('paid', 2)] };
    expect(lettersOf([life.bought, paid])).toEqual([`payment-recovered until-${third}`]);
    expect(lettersOf([life.bought, life.renewed])).toEqual([`subscription-renewed until-${third}`]);
  });

  it('about a suspension wait for the invoice that is owed, so that its late arrival brings one letter and not two', () => {
    const subscriptionFirst: State = { ...life.graceOver, invoices: [first] };
    expect(lettersOf([life.bought, subscriptionFirst])).toEqual([]);
    expect(lettersOf([life.bought, subscriptionFirst, life.graceOver])).toEqual([
      'payment-failed in_2-attempt-2',
      'subscription-suspended in_2',
    ]);
  });

  it('about a lapse come once, however many periods it lasts', () => {
    const next = { ...second('open', 1), id: 'in_3', created: third, finalizedAt: third + hour };
    const later: State = { ...life.thirdFailure, invoices: [first, second('open', 3), next], now: third + day };
    const letters = lettersOf([life.bought, life.thirdFailure, later]);
    expect(letters.filter((letter) => letter.startsWith('license-revoked'))).toEqual(['license-revoked in_2']);
  });

  it('say that a pause suspends, once', () => {
    expect(lettersOf([life.bought, life.paused, life.paused])).toEqual([`subscription-suspended pause-${renewal}`]);
  });

  it('say the end of what was paid for also when the end was heard first', () => {
    const endFirst: State = { ...life.canceled, invoices: [] };
    expect(lettersOf([endFirst, life.canceled])).toEqual(['subscription-canceled ended']);
    expect(lettersOf([life.bought, endFirst])).toEqual(['subscription-canceled ended']);
  });

  it('are none about what never was paid for, however often its end is told', () => {
    expect(lettersOf([life.unpaid, life.neverPaid, life.neverPaid])).toEqual([]);
    expect(lettersOf([life.unpaid, { ...life.neverPaid, facts: { ...active, status: 'canceled' } }])).toEqual([]);
  });
});

describe('whatever the subscription', () => {
  const anyInvoice: fc.Arbitrary<InvoiceFacts> = fc.record({
    id: fc.nat(9).map((number) => `in_${number}`),
    status: fc.constantFrom('draft', 'open', 'paid', 'uncollectible', 'void'),
    created: fc.constantFrom(started, renewal, third),
    finalizedAt: fc.constantFrom(null, started, renewal),
    attemptCount: fc.nat(4),
    nextAttemptAt: fc.constant(null),
    paysUntil: fc.constantFrom(null, renewal, third),
  });
  const anyState: fc.Arbitrary<State> = fc.record({
    facts: fc.record({
      status: fc.constantFrom(...SUBSCRIPTION_STATUSES),
      startedAt: fc.constant(started),
      currentPeriodStart: fc.constantFrom(started, renewal),
      currentPeriodEnd: fc.constantFrom(renewal, third),
    }),
    invoices: fc.uniqueArray(anyInvoice, { selector: ({ id }) => id, maxLength: 4 }),
    now: fc.integer({ min: started, max: third + 10 * day }),
  });

  it('told again unchanged, it calls for no letter that was not written', () => {
    fc.assert(
      fc.property(fc.array(anyState, { minLength: 1, maxLength: 4 }), (states) => {
        const last = states.at(-1);
        expect(lettersOf(last === undefined ? states : [...states, last])).toEqual(lettersOf(states));
      }),
    );
  });

  it('its coverage lets use what the standing grants, and nothing else', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const seen = view(state);
        const status = statusUnder(coverageFor(seen, revoking, state.now), state.now);
        if (seen.standing === 'revoked' || seen.standing === 'ended') expect(status).toBe('revoked');
        if (seen.standing === 'suspended') expect(status).toBe('suspended');
        if (seen.standing === 'grace') expect(['grace', 'expired']).toContain(status);
        if (seen.standing === 'current') expect(['active', 'expired']).toContain(status);
      }),
    );
  });

  it('the clock is never asked for a moment that has passed', () => {
    const seen = view(life.failed);
    const end = renewal + hour + 3 * day;
    expect(nextTransitionAt(seen, revoking, end - 1)).toBe(end);
    expect(nextTransitionAt(seen, revoking, end)).toBeNull();
  });

  it('the clock is asked for only while it has something to change, and is then right', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const next = nextTransitionAt(view(state), revoking, state.now);
        if (next === null) return;
        expect(view({ ...state, now: next - 1 }).standing).toBe('grace');
        expect(view({ ...state, now: next }).standing).toBe('suspended');
      }),
    );
  });
});
