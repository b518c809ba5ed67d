import { cancelSchedule, createSchedule, releaseSchedule, takeOver, updateSchedule } from '../billing/schedules.ts';
import { invalidRequest, unsupported } from '../http/api-error.ts';
import type { DefaultSettings, SchedulePhase, SubscriptionSchedule } from '../objects/subscription-schedule.ts';
import { given, unset } from '../parameters/given.ts';
import { boolean, type Infer, object, range, string } from '../parameters/schema.ts';
import { filter, inRange } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation, onTestClock } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { operation, type PathValues, pathValue, type Resource } from './resource.ts';
import { ownPaymentMethod } from './subscription-params.ts';
import { CREATE, type GivenPhase, type GivenSettings, toPhases, UPDATE } from './subscription-schedule-params.ts';

function scheduleAt(work: Work, path: PathValues): SubscriptionSchedule {
  return work.require('subscription_schedule', pathValue(path, 'schedule'), 'id');
}

function settingsOf(work: Work, params: GivenSettings | undefined, customer: string): Partial<DefaultSettings> {
  const method = params?.default_payment_method;
  return given({
    default_payment_method: method === undefined ? undefined : ownPaymentMethod(work, method, customer),
    description: unset(params?.description),
  });
}

function requirePaymentMethods(work: Work, phases: readonly SchedulePhase[], customer: string): void {
  for (const { default_payment_method: method } of phases) {
    if (method !== null) ownPaymentMethod(work, method, customer);
  }
}

function fromSubscription(work: Work, id: string, params: Infer<(typeof CREATE)['fields']>): SubscriptionSchedule {
  const others = Object.keys(params).filter((name) => name !== 'from_subscription');
  if (others.length > 0) {
    throw invalidRequest(`You cannot set \`${others[0]}\` if \`from_subscription\` is set.`, {
      param: others[0] ?? 'from_subscription',
    });
  }
  return takeOver(work, work.require('subscription', id, 'from_subscription'));
}

const create = operation({
  method: 'POST',
  route: '/v1/subscription_schedules',
  params: CREATE,
  run(work, params) {
    if (params.from_subscription !== undefined) return fromSubscription(work, params.from_subscription, params);
    for (const name of ['customer', 'phases'] as const) {
      if (params[name] !== undefined && params[name].length > 0) continue;
      throw invalidRequest(`Missing required param: ${name}.`, { code: 'parameter_missing', param: name });
    }
    const customer = work.require('customer', params.customer ?? '', 'customer').id;
    const begins = params.start_date === undefined || params.start_date === 'now' ? work.now : params.start_date;
    if (begins < work.now) throw unsupported('start_date', 'the local Stripe does not date subscriptions back');
    const phases = toPhases(work, params.phases ?? [], begins);
    requirePaymentMethods(work, phases, customer);
    return createSchedule(work, customer, {
      end_behavior: params.end_behavior ?? 'release',
      metadata: mergeMetadata({}, params.metadata),
      phases,
      settings: settingsOf(work, params.default_settings, customer),
    });
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/subscription_schedules/{schedule}',
  params: object({}),
  run: (work, _params, path) => scheduleAt(work, path),
});

/** The first phase of an update says from where the dates of all are counted; the current one cannot begin anew. */
function changedPhases(work: Work, schedule: SubscriptionSchedule, phases: readonly GivenPhase[]): SchedulePhase[] {
  const first = phases[0]?.start_date;
  if (first === undefined) {
    throw invalidRequest(
      'The subscription schedule update is missing at least one phase with a `start_date` to anchor end dates to.',
      { param: 'phases' },
    );
  }
  const changed = toPhases(work, phases, first === 'now' ? work.now : first);
  const current = schedule.current_phase;
  if (current === null) {
    if ((changed[0]?.start_date ?? 0) >= work.now) return changed;
    throw invalidRequest('A schedule that has not started cannot start in the past.', {
      param: 'phases[0][start_date]',
    });
  }
  const same = changed.find((phase) => phase.start_date === current.start_date);
  if (same === undefined) {
    throw invalidRequest('You can not modify the start date of the current phase.', { param: 'phases[0][start_date]' });
  }
  if (same.end_date < work.now) {
    throw invalidRequest('The current phase cannot end in the past.', { param: 'phases[0][end_date]' });
  }
  requireSameTrial(work, schedule, changed);
  return changed;
}

/** A trial goes on as it is: the current phase says so again. Others are not done. */
function requireSameTrial(work: Work, schedule: SubscriptionSchedule, phases: readonly SchedulePhase[]): void {
  const subscription = schedule.subscription === null ? undefined : work.find('subscription', schedule.subscription);
  const running = subscription?.status === 'trialing' ? subscription.trial_end : null;
  for (const [index, phase] of phases.entries()) {
    const isCurrent = phase.start_date === schedule.current_phase?.start_date;
    if (phase.trial_end === (isCurrent ? running : null)) continue;
    throw unsupported(
      `phases[${index}][trial_end]`,
      'the local Stripe neither starts, moves nor ends a trial by a schedule: pass the current trial_end with the current phase',
    );
  }
}

const update = operation({
  method: 'POST',
  route: '/v1/subscription_schedules/{schedule}',
  params: UPDATE,
  run(work, params, path) {
    const schedule = scheduleAt(work, path);
    const phases = params.phases === undefined ? undefined : changedPhases(work, schedule, params.phases);
    requirePaymentMethods(work, phases ?? [], schedule.customer);
    const settings = settingsOf(work, params.default_settings, schedule.customer);
    const changes = given({
      default_settings: { ...schedule.default_settings, ...settings },
      end_behavior: params.end_behavior,
      metadata: mergeMetadata(schedule.metadata, params.metadata),
      phases,
    });
    return updateSchedule(work, schedule, changes, params.proration_behavior ?? 'create_prorations');
  },
});

const release = operation({
  method: 'POST',
  route: '/v1/subscription_schedules/{schedule}/release',
  params: object({ preserve_cancel_date: boolean() }),
  run: (work, params, path) => releaseSchedule(work, scheduleAt(work, path), params.preserve_cancel_date ?? false),
});

const cancel = operation({
  method: 'POST',
  route: '/v1/subscription_schedules/{schedule}/cancel',
  params: object({ invoice_now: boolean(), prorate: boolean() }),
  run: (work, params, path) =>
    cancelSchedule(work, scheduleAt(work, path), {
      invoiceNow: params.invoice_now ?? true,
      prorate: params.prorate ?? true,
    }),
});

const list = listOperation({
  object: 'subscription_schedule',
  route: '/v1/subscription_schedules',
  filters: {
    ...CREATED,
    canceled_at: range(),
    completed_at: range(),
    customer: string(),
    released_at: range(),
    scheduled: boolean(),
  },
  unsupported: ['customer_account'],
  where: (params) => [
    ...createdWithin(params),
    ...(params.canceled_at === undefined ? [] : [inRange('$.canceled_at', params.canceled_at)]),
    ...(params.completed_at === undefined ? [] : [inRange('$.completed_at', params.completed_at)]),
    ...(params.released_at === undefined ? [] : [inRange('$.released_at', params.released_at)]),
    ...filter('$.customer', params.customer),
    ...(params.scheduled === true ? filter('$.status', 'not_started') : []),
    ...(params.customer === undefined ? onTestClock(undefined) : []),
  ],
});

export const subscriptionSchedules: Resource = {
  object: 'subscription_schedule',
  operations: [create, retrieve, update, cancel, release, list],
  expandable: {
    customer: 'customer',
    'default_settings.default_payment_method': 'payment_method',
    'phases.default_payment_method': 'payment_method',
    'phases.discounts.coupon': 'coupon',
    'phases.discounts.discount': 'discount',
    'phases.discounts.promotion_code': 'promotion_code',
    'phases.items.price': 'price',
    subscription: 'subscription',
    test_clock: 'test_helpers.test_clock',
  },
};
