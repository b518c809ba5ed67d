import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import { isEnded, type Subscription } from '../objects/subscription.ts';
import { type DefaultSettings, isUnderWay, type SubscriptionSchedule } from '../objects/subscription-schedule.ts';
import type { Work } from '../work.ts';
import { type ProrationBehavior, planChange } from './change-plan.ts';
import { carryOutChange } from './change-subscription.ts';
import { activeDiscounts } from './discounts.ts';
import { cancelNow, endAsPlanned } from './final-invoice.ts';
import { itemChanges } from './prorations.ts';
import { changesIn, phaseAt, phaseOf, redeemedIn, soldIn } from './schedule-phases.ts';
import { EXPIRING_TASK, endOf, PHASE_TASK, planSchedule, scheduleOf } from './schedule-tasks.ts';
import { decideTick, scheduleSubscription } from './subscription-tasks.ts';
import { startSubscription } from './subscriptions.ts';

/** Schedules (https://docs.stripe.com/billing/subscriptions/subscription-schedules): a subscription that changes by plan. */

const NO_SETTINGS: DefaultSettings = {
  application_fee_percent: null,
  automatic_tax: { disabled_reason: null, enabled: false, liability: null },
  billing_cycle_anchor: 'automatic',
  billing_thresholds: null,
  collection_method: 'charge_automatically',
  default_payment_method: null,
  description: null,
  invoice_settings: {
    account_tax_ids: null,
    custom_fields: null,
    days_until_due: null,
    description: null,
    footer: null,
    issuer: { type: 'self' },
  },
  on_behalf_of: null,
  transfer_data: null,
};

function blank(work: Work, customer: string): SubscriptionSchedule {
  return {
    id: newId('sub_sched_'),
    object: 'subscription_schedule',
    application: null,
    billing_mode: { flexible: { proration_discounts: 'included' }, type: 'flexible' },
    canceled_at: null,
    completed_at: null,
    created: work.now,
    current_phase: null,
    customer,
    customer_account: null,
    default_settings: NO_SETTINGS,
    end_behavior: 'release',
    livemode: false,
    metadata: {},
    pause_schedules: [],
    phases: [],
    released_at: null,
    released_subscription: null,
    status: 'not_started',
    subscription: null,
    test_clock: work.testClock,
  };
}

/** Puts a running subscription under a schedule that, until it is changed, leaves it as it is. */
export function takeOver(work: Work, subscription: Subscription): SubscriptionSchedule {
  const attached = scheduleOf(work, subscription);
  if (attached !== undefined) {
    throw invalidRequest(
      `You cannot migrate a subscription that is already attached to a schedule: \`${attached.id}\`.`,
      { param: 'from_subscription' },
    );
  }
  if (isEnded(subscription) || subscription.status === 'incomplete') {
    throw invalidRequest(`A subscription that is ${subscription.status} cannot be put under a schedule.`, {
      param: 'from_subscription',
    });
  }
  const phase = phaseOf(subscription);
  const schedule = work.insert(
    {
      ...blank(work, subscription.customer),
      billing_mode: subscription.billing_mode,
      current_phase: { end_date: phase.end_date, start_date: phase.start_date },
      default_settings: {
        ...NO_SETTINGS,
        collection_method: subscription.collection_method,
        default_payment_method: subscription.default_payment_method,
        description: subscription.description,
        invoice_settings: { ...NO_SETTINGS.invoice_settings, days_until_due: subscription.days_until_due },
      },
      end_behavior: subscription.cancel_at === null ? 'release' : 'cancel',
      phases: [phase],
      status: 'active',
      subscription: subscription.id,
    },
    'subscription_schedule.created',
  );
  work.update(subscription, { schedule: schedule.id }, 'customer.subscription.updated');
  planSchedule(work, schedule);
  return schedule;
}

/** A schedule that begins a subscription of its own, when its first phase begins. */
export function createSchedule(
  work: Work,
  customer: string,
  members: Pick<SubscriptionSchedule, 'end_behavior' | 'metadata' | 'phases'> & { settings: Partial<DefaultSettings> },
): SubscriptionSchedule {
  const { settings, ...rest } = members;
  const schedule = work.insert(
    { ...blank(work, customer), ...rest, default_settings: { ...NO_SETTINGS, ...settings } },
    'subscription_schedule.created',
  );
  planSchedule(work, schedule);
  const starts = schedule.phases[0]?.start_date ?? 0;
  return starts > work.now ? schedule : begin(work, schedule);
}

/** The end that a schedule sets for its subscription. */
function cancelAt(schedule: SubscriptionSchedule): number | null {
  return schedule.end_behavior === 'cancel' ? endOf(schedule) : null;
}

/** Begins the first phase. The first invoice is a draft for a while, like a renewal's: nobody is waiting for it. */
function begin(work: Work, schedule: SubscriptionSchedule): SubscriptionSchedule {
  const [phase] = schedule.phases;
  const gone = work.find('customer', schedule.customer) === undefined;
  if (phase === undefined || gone) return cancelSchedule(work, schedule, { invoiceNow: false, prorate: false });
  const { default_settings: settings } = schedule;
  const subscription = startSubscription(work, {
    customer: schedule.customer,
    items: soldIn(work, phase),
    extras: [],
    members: {
      cancel_at: cancelAt(schedule),
      collection_method: settings.collection_method,
      days_until_due: settings.invoice_settings.days_until_due,
      default_payment_method: phase.default_payment_method ?? settings.default_payment_method,
      description: phase.description ?? settings.description,
      metadata: phase.metadata,
      schedule: schedule.id,
    },
    discounts: redeemedIn(work, phase, schedule.customer),
    trialEnd: null,
    missingPaymentMethod: 'create_invoice',
    behavior: 'allow_incomplete',
    offSession: true,
    authentication: null,
    drafts: true,
  });
  const { end_date, start_date } = phase;
  const begun = work.update(
    schedule,
    { current_phase: { end_date, start_date }, status: 'active', subscription: subscription.id },
    'subscription_schedule.updated',
  );
  planSchedule(work, begun);
  return begun;
}

/** Lets go of the subscription, which goes on as it is. `keepsEnd` leaves the end that the schedule has set for it. */
function letGo(work: Work, schedule: SubscriptionSchedule): SubscriptionSchedule {
  const released = work.update(
    schedule,
    {
      current_phase: null,
      released_at: work.now,
      released_subscription: schedule.subscription,
      status: 'released',
      subscription: null,
    },
    'subscription_schedule.released',
  );
  planSchedule(work, released);
  return released;
}

function requireUnderWay(schedule: SubscriptionSchedule, verb: string): void {
  if (isUnderWay(schedule)) return;
  throw invalidRequest(
    `You cannot ${verb} a subscription schedule that is currently in the \`${schedule.status}\` status. It must be \`not_started\` or \`active\`.`,
  );
}

/** Ends the schedule and leaves its subscription in place; `keepsEnd` leaves the end that the schedule has set as well. */
export function releaseSchedule(work: Work, schedule: SubscriptionSchedule, keepsEnd: boolean): SubscriptionSchedule {
  requireUnderWay(schedule, 'release');
  const subscription = schedule.subscription === null ? undefined : work.find('subscription', schedule.subscription);
  const released = letGo(work, schedule);
  if (subscription === undefined) return released;
  const ends = keepsEnd || cancelAt(schedule) === null ? {} : { cancel_at: null, canceled_at: null };
  scheduleSubscription(work, work.update(subscription, { schedule: null, ...ends }, 'customer.subscription.updated'));
  return released;
}

/** Cancels the schedule, and at once the subscription it manages. */
export function cancelSchedule(
  work: Work,
  schedule: SubscriptionSchedule,
  how: { invoiceNow: boolean; prorate: boolean },
): SubscriptionSchedule {
  requireUnderWay(schedule, 'cancel');
  const subscription = schedule.subscription === null ? undefined : work.find('subscription', schedule.subscription);
  if (subscription !== undefined && !isEnded(subscription)) {
    cancelNow(work, subscription, how);
    return work.get('subscription_schedule', schedule.id);
  }
  const canceled = work.update(
    schedule,
    { canceled_at: work.now, current_phase: null, status: 'canceled' },
    'subscription_schedule.canceled',
  );
  planSchedule(work, canceled);
  return canceled;
}

/**
 * Goes on to the phase that has begun by now, or ends after the last one. Returns what that makes of the subscription; the
 * caller carries it out.
 */
export function enterPhase(work: Work, subscription: Subscription): Partial<Subscription> {
  const schedule = scheduleOf(work, subscription);
  const until = schedule?.current_phase?.end_date;
  if (schedule === undefined || until === undefined || work.now < until) return {};
  const phase = phaseAt(schedule, work.now);
  if (phase === undefined) {
    if (schedule.end_behavior === 'release') letGo(work, schedule);
    return { schedule: null };
  }
  const { end_date, start_date } = phase;
  const moved = work.update(schedule, { current_phase: { end_date, start_date } }, 'subscription_schedule.updated');
  planSchedule(work, moved);
  return changesIn(work, subscription, phase);
}

/** Carries out what a phase makes of a subscription in the middle of a period. */
function applyNow(
  work: Work,
  subscription: Subscription,
  changes: Partial<Subscription>,
  how: { behavior: ProrationBehavior; resetsAnchor: boolean },
): void {
  const after = { ...subscription, ...changes };
  const same = itemChanges(subscription.items.data, after.items.data).length === 0;
  if (same && !how.resetsAnchor) {
    scheduleSubscription(work, work.update(subscription, changes, 'customer.subscription.updated'));
    return;
  }
  const discounts = activeDiscounts(work, after.discounts, work.now);
  const plan = planChange(work, subscription, after, { ...how, prorationDate: null, discounts });
  carryOutChange(work, plan, { behavior: 'allow_incomplete', offSession: true });
}

function phaseDue(work: Work, id: string): void {
  const schedule = work.get('subscription_schedule', id);
  if (schedule.status === 'not_started') begin(work, schedule);
  if (schedule.status !== 'active' || schedule.subscription === null) return;
  const subscription = work.get('subscription', schedule.subscription);
  // At the end of a period the renewal enters the phase, so that it bills what the phase says.
  if (decideTick(subscription, work.now) !== 'nothing') return;
  if (work.now >= endOf(schedule) && schedule.end_behavior === 'cancel') {
    endAsPlanned(work, subscription);
    return;
  }
  const phase = phaseAt(schedule, work.now);
  const resetsAnchor = phase?.billing_cycle_anchor === 'phase_start';
  const behavior = phase?.proration_behavior ?? 'none';
  applyNow(work, subscription, enterPhase(work, subscription), { behavior, resetsAnchor });
}

/** Changes what is still to come, and the current phase with it: what that changes of the subscription happens now. */
export function updateSchedule(
  work: Work,
  schedule: SubscriptionSchedule,
  changes: Partial<SubscriptionSchedule>,
  behavior: ProrationBehavior,
): SubscriptionSchedule {
  requireUnderWay(schedule, 'update');
  const next = { ...schedule, ...changes };
  const current = next.phases.find((phase) => phase.start_date === schedule.current_phase?.start_date);
  const inPhase = current === undefined ? null : { end_date: current.end_date, start_date: current.start_date };
  const updated = work.update(schedule, { ...changes, current_phase: inPhase }, 'subscription_schedule.updated');
  planSchedule(work, updated);
  if (current === undefined || schedule.subscription === null) return updated;
  const subscription = work.get('subscription', schedule.subscription);
  const now = changes.phases === undefined ? {} : changesIn(work, subscription, current);
  const { default_payment_method: method } = updated.default_settings;
  const pays = method === schedule.default_settings.default_payment_method ? {} : { default_payment_method: method };
  const ends = { cancel_at: cancelAt(updated), canceled_at: cancelAt(updated) === null ? null : work.now };
  const moved = ends.cancel_at === subscription.cancel_at ? {} : ends;
  applyNow(work, subscription, { ...pays, ...now, ...moved }, { behavior, resetsAnchor: false });
  // A current phase that is to end now gives way to the next one in the same breath.
  if (current.end_date <= work.now) phaseDue(work, schedule.id);
  return work.get('subscription_schedule', schedule.id);
}

function announceEnd(work: Work, id: string): void {
  work.emit('subscription_schedule.expiring', work.get('subscription_schedule', id));
}

export const SCHEDULE_TASKS: Readonly<Record<string, (work: Work, subject: string) => void>> = {
  [PHASE_TASK]: phaseDue,
  [EXPIRING_TASK]: announceEnd,
};
