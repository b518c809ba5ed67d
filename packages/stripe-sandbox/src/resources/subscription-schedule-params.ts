import { addPeriods } from '../billing/periods.ts';
import { cadenceOf } from '../billing/subscription-start.ts';
import { invalidRequest } from '../http/api-error.ts';
import { INTERVALS } from '../objects/parts.ts';
import type { Price } from '../objects/price.ts';
import { isMetered } from '../objects/subscription.ts';
import type { PhaseDiscount, PhaseItem, SchedulePhase } from '../objects/subscription-schedule.ts';
import {
  array,
  either,
  emptyable,
  type Infer,
  integer,
  metadata,
  object,
  oneOf,
  required,
  string,
  timestamp,
} from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { DISCOUNTS } from './discount-params.ts';
import { mergeMetadata } from './metadata.ts';
import { allBut, currency, only } from './parameters.ts';
import { ITEM_FIELDS, PRORATION_BEHAVIOR, priceOf, quantityFor } from './subscription-item-params.ts';

/** The parameters of schedules, and how they become phases. */

const ANCHOR = oneOf(['automatic', 'phase_start']);

const PHASE_ITEM_FIELDS = { ...ITEM_FIELDS };

const PHASE_FIELDS = {
  billing_cycle_anchor: ANCHOR,
  collection_method: only(oneOf(['charge_automatically', 'send_invoice']), 'charge_automatically'),
  currency: currency(),
  default_payment_method: string(),
  description: emptyable(string({ maxLength: 500 })),
  discounts: DISCOUNTS,
  duration: object({ interval: required(oneOf(INTERVALS)), interval_count: integer({ min: 1 }) }),
  items: required(
    array(object(PHASE_ITEM_FIELDS, ['billing_thresholds', 'discounts', 'plan', 'tax_rates']), { max: 20 }),
  ),
  metadata: metadata(),
  proration_behavior: PRORATION_BEHAVIOR,
};

const PHASE_UNSUPPORTED = [
  'add_invoice_items',
  'application_fee_percent',
  'automatic_tax',
  'billing_thresholds',
  'default_tax_rates',
  'invoice_settings',
  'on_behalf_of',
  'transfer_data',
  'trial',
];

const NOW = oneOf(['now']);
const MAX_PHASES = 10;

const SETTINGS_FIELDS = {
  billing_cycle_anchor: only(ANCHOR, 'automatic'),
  collection_method: only(oneOf(['charge_automatically', 'send_invoice']), 'charge_automatically'),
  default_payment_method: string(),
  description: emptyable(string({ maxLength: 500 })),
};

const SETTINGS = object(SETTINGS_FIELDS, [
  'application_fee_percent',
  'automatic_tax',
  'billing_thresholds',
  'invoice_settings',
  'on_behalf_of',
  'transfer_data',
]);

const END_BEHAVIOR = allBut(allBut(oneOf(['cancel', 'none', 'release', 'renew']), 'none'), 'renew');

export const CREATE = object(
  {
    customer: string(),
    default_settings: SETTINGS,
    end_behavior: END_BEHAVIOR,
    from_subscription: string(),
    metadata: metadata(),
    phases: array(object({ ...PHASE_FIELDS, end_date: timestamp() }, [...PHASE_UNSUPPORTED, 'trial_end']), {
      max: MAX_PHASES,
    }),
    start_date: either(timestamp(), NOW),
  },
  ['billing_mode', 'customer_account', 'pause_schedules'],
);

const UPDATED_PHASE_FIELDS = {
  ...PHASE_FIELDS,
  end_date: either(timestamp(), NOW),
  start_date: either(timestamp(), NOW),
  trial_end: timestamp(),
};

export const UPDATE = object(
  {
    default_settings: SETTINGS,
    end_behavior: END_BEHAVIOR,
    metadata: metadata(),
    phases: array(object(UPDATED_PHASE_FIELDS, PHASE_UNSUPPORTED), { max: MAX_PHASES }),
    proration_behavior: PRORATION_BEHAVIOR,
  },
  ['pause_schedules'],
);

/** One phase as a call gives it. */
export type GivenPhase = Infer<typeof UPDATED_PHASE_FIELDS>;
export type GivenSettings = Infer<typeof SETTINGS_FIELDS>;

type Priced = { price: Price; item: PhaseItem };

function pricedItems(work: Work, phase: GivenPhase, path: string): Priced[] {
  return phase.items.map((given, index) => {
    const name = `${path}[items][${index}]`;
    const price = priceOf(work, given, name);
    if (price === undefined) {
      throw invalidRequest(`You must specify exactly one of these parameters: ${name}[price], ${name}[price_data].`, {
        param: `${name}[price]`,
      });
    }
    const quantity = quantityFor(price, given.quantity, name);
    const item: PhaseItem = {
      billing_thresholds: null,
      discounts: [],
      metadata: mergeMetadata({}, given.metadata),
      plan: price.id,
      price: price.id,
      ...(isMetered({ price }) ? {} : { quantity }),
      tax_rates: [],
    };
    return { price, item };
  });
}

function toDiscount(given: { coupon?: string; discount?: string; promotion_code?: string }): PhaseDiscount {
  return {
    coupon: given.coupon ?? null,
    discount: given.discount ?? null,
    promotion_code: given.promotion_code ?? null,
  };
}

function endOf(work: Work, phase: GivenPhase, start: number, prices: readonly Price[], path: string): number {
  const { duration, end_date: end } = phase;
  if (duration !== undefined && end !== undefined) {
    throw invalidRequest(`You may only specify one of these parameters: ${path}[end_date], ${path}[duration].`, {
      code: 'parameters_exclusive',
      param: `${path}[end_date]`,
    });
  }
  if (end !== undefined) return end === 'now' ? work.now : end;
  // Without either, a phase is one billing period long.
  const cadence =
    duration === undefined ? cadenceOf(prices) : { interval: duration.interval, count: duration.interval_count ?? 1 };
  return addPeriods(start, cadence, 1);
}

function toPhase(work: Work, given: GivenPhase, start: number, path: string): SchedulePhase {
  const priced = pricedItems(work, given, path);
  const prices = priced.map(({ price }) => price);
  cadenceOf(prices);
  const end = endOf(work, given, start, prices, path);
  if (end <= start) {
    throw invalidRequest(`The \`end_date\` of a phase must be after its \`start_date\`.`, {
      param: `${path}[end_date]`,
    });
  }
  const currencyOfPrices = prices[0]?.currency ?? '';
  if (given.currency !== undefined && given.currency !== currencyOfPrices) {
    throw invalidRequest(`The prices are in ${currencyOfPrices}, not in ${given.currency}.`, {
      param: `${path}[currency]`,
    });
  }
  return {
    add_invoice_items: [],
    application_fee_percent: null,
    billing_cycle_anchor: given.billing_cycle_anchor ?? null,
    billing_thresholds: null,
    collection_method: null,
    currency: currencyOfPrices,
    default_payment_method: given.default_payment_method ?? null,
    default_tax_rates: [],
    description: given.description || null,
    discounts: (given.discounts || []).map(toDiscount),
    end_date: end,
    invoice_settings: null,
    items: priced.map(({ item }) => item),
    metadata: mergeMetadata({}, given.metadata),
    on_behalf_of: null,
    proration_behavior: given.proration_behavior ?? 'create_prorations',
    start_date: start,
    transfer_data: null,
    trial_end: given.trial_end ?? null,
  };
}

/** The phases that a call gives, one after another from `begins`: each begins when the one before ends. */
export function toPhases(work: Work, given: readonly GivenPhase[], begins: number): SchedulePhase[] {
  const phases: SchedulePhase[] = [];
  for (const [index, phase] of given.entries()) {
    const path = `phases[${index}]`;
    const start = phases.at(-1)?.end_date ?? begins;
    const said = phase.start_date === 'now' ? work.now : phase.start_date;
    if (said !== undefined && said !== start) {
      throw invalidRequest('The `start_date` of a phase must be the `end_date` of the phase before.', {
        param: `${path}[start_date]`,
      });
    }
    phases.push(toPhase(work, phase, start, path));
  }
  return phases;
}
