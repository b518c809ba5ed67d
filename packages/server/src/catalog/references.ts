/** What one field alone cannot tell: repeated ids, names that lead nowhere, prices that do not add up. */

import { inheritsFromItself, MOST_MACHINES, MOST_QUANTITY, SCHEME_SECRETS } from '@latchkey/core';
import { customPriceFindings, packPriceFindings } from './credit-prices.ts';
import { type FieldPath, nearest } from './problem.ts';
import type { Finding } from './shape.ts';
import type { PlanSource, ProductSource } from './source-schema.ts';

const KNOWN_CURRENCIES = Intl.supportedValuesOf('currency').map((code) => code.toLowerCase());

/** Stripe bills at most three years at a time, https://docs.stripe.com/api/prices/create#create_price-recurring-interval_count. */
const MOST_INTERVALS = { day: 1095, week: 156, month: 36, year: 3, once: 1 } as const;

/** Everything wrong with a product whose fields are each well formed. */
export function checkReferences(product: ProductSource): Finding[] {
  return [
    ...repeated(product.plans, ['plans'], 'plan'),
    ...repeated(product.meters ?? [], ['meters'], 'meter'),
    ...repeated(product.packs ?? [], ['packs'], 'pack'),
    ...keyFindings(product.key),
    ...product.plans.flatMap((plan, index) => planFindings(product, plan, ['plans', index])),
    ...creditFindings(product),
    ...policyFindings(product),
    ...requiredCreditFindings(product, product.license, ['license']),
  ];
}

function repeated(items: readonly { id: string }[], path: FieldPath, what: string): Finding[] {
  return items.flatMap((item, index) => {
    const first = items.findIndex((other) => other.id === item.id);
    if (first === index) return [];
    return [
      {
        path: [...path, index, 'id'],
        message: `repeats the ${what} "${item.id}" of ${path.join('.')}[${first}]`,
        remedy: `Give each ${what} an id of its own.`,
      },
    ];
  });
}

function keyFindings(key: ProductSource['key']): Finding[] {
  const needsSecret = SCHEME_SECRETS[key.scheme] !== null;
  if (needsSecret && key.secret === undefined) {
    const remedy = `Write for example secret: \${env:LICENSE_MASTER_SECRET}.`;
    return [{ path: ['key', 'secret'], message: `is missing; the scheme ${key.scheme} needs one`, remedy }];
  }
  if (!needsSecret && key.secret !== undefined) {
    const message = `is not used by the scheme ${key.scheme}`;
    return [{ path: ['key', 'secret'], message, remedy: 'Remove the line.' }];
  }
  return [];
}

function planFindings(product: ProductSource, plan: PlanSource, path: FieldPath): Finding[] {
  const found = [
    ...priceFindings(plan, [...path, 'price']),
    ...requiredCreditFindings(product, plan.license, [...path, 'license']),
    ...quantityFindings(product, plan, [...path, 'quantity']),
  ];
  if (plan.inherits !== undefined) {
    const plans = product.plans.map((each) => ({
      id: each.id,
      inherits: each.inherits ?? null,
      features: each.features ?? [],
      limits: each.limits ?? {},
    }));
    const self = plans.find((each) => each.id === plan.id);
    found.push(...unknownId(product.plans, plan.inherits, [...path, 'inherits'], 'plan'));
    if (self !== undefined && inheritsFromItself(plans, self)) {
      const message = 'leads back to this plan';
      found.push({ path: [...path, 'inherits'], message, remedy: 'Let the lowest plan inherit from none.' });
    }
  }
  for (const [index, allowance] of (plan.allowances ?? []).entries()) {
    found.push(...allowanceFindings(product, plan, allowance, [...path, 'allowances', index]));
  }
  return found;
}

function priceFindings({ price, allowances = [] }: PlanSource, path: FieldPath): Finding[] {
  if (price === null) return [];
  const found = currencyFindings(price.currency, [...path, 'currency']);
  const most = MOST_INTERVALS[price.interval];
  if ((price.interval_count ?? 1) > most) {
    const message = `must be at most ${most} with interval ${price.interval}`;
    found.push({ path: [...path, 'interval_count'], message, remedy: 'Stripe bills at most three years at a time.' });
  }
  if (price.interval === 'once' && (price.trial_days ?? 0) > 0) {
    const message = 'has no meaning for a price that is paid once';
    found.push({ path: [...path, 'trial_days'], message, remedy: 'Remove the line.' });
  }
  const isFree = price.amount === 0 && !allowances.some(({ beyond }) => beyond === 'bill');
  if (isFree && typeof price.stripe_price === 'string') {
    const message = 'has no meaning for a free plan';
    found.push({ path: [...path, 'stripe_price'], message, remedy: 'Remove the line, or write the amount.' });
  }
  return found;
}

/** Several of a plan are paid for by its amount, and each has as many machines as a licence can count. */
function quantityFindings({ license }: ProductSource, plan: PlanSource, path: FieldPath): Finding[] {
  if (plan.quantity === undefined) return [];
  if (plan.price === null || plan.price.amount === 0) {
    const message = 'has no meaning for a plan without an amount';
    return [{ path, message, remedy: 'Remove it, or write the amount of one.' }];
  }
  const { maximum = MOST_QUANTITY, multiplies = [] } = plan.quantity;
  const machines = plan.license?.max_machines ?? license?.max_machines ?? 1;
  if (multiplies.length === 0 || machines * maximum <= MOST_MACHINES) return [];
  const message = `makes more than ${MOST_MACHINES} machines of ${machines} each`;
  return [{ path: [...path, 'maximum'], message, remedy: 'Write a smaller maximum, or max_machines: -1.' }];
}

type AllowanceSource = NonNullable<PlanSource['allowances']>[number];

function allowanceFindings(
  product: ProductSource,
  plan: PlanSource,
  allowance: AllowanceSource,
  path: FieldPath,
): Finding[] {
  const found = unknownId(product.meters ?? [], allowance.meter, [...path, 'meter'], 'meter');
  found.push(...prepaidFindings(product, plan, allowance, [...path, 'meter']));
  const billed = allowance.beyond === 'bill';
  if (billed && allowance.overage === undefined) {
    const remedy = 'Write for example overage: { amount: 3 } for 3 cents each.';
    found.push({ path: [...path, 'overage'], message: 'is missing; what goes beyond is to be billed', remedy });
  }
  if (!billed && allowance.overage !== undefined) {
    const remedy = 'Write beyond: bill, or remove the overage.';
    found.push({ path: [...path, 'overage'], message: 'is never charged', remedy });
  }
  if (billed && plan.price === null) {
    const remedy = 'Give the plan a price, or write beyond: refuse.';
    found.push({ path: [...path, 'beyond'], message: 'cannot be bill in a plan that is not for sale', remedy });
  }
  if (billed && plan.price?.interval === 'once') {
    const remedy = 'Write an interval such as month, or beyond: refuse.';
    const message = 'cannot be bill in a plan that is paid once: no period ends that could be billed';
    found.push({ path: [...path, 'beyond'], message, remedy });
  }
  if (billed && allowance.included === -1) {
    const remedy = 'Write how many are included, such as 0, or remove beyond and overage.';
    found.push({ path: [...path, 'included'], message: 'is without limit, so nothing is ever billed', remedy });
  }
  if (allowance.ceiling !== undefined && allowance.ceiling < allowance.included) {
    const remedy = `Write at least ${allowance.included}.`;
    found.push({ path: [...path, 'ceiling'], message: 'must not be below what is included', remedy });
  }
  return found;
}

function requiredCreditFindings(product: ProductSource, license: PlanSource['license'], path: FieldPath): Finding[] {
  const meter = license?.require_credit ?? null;
  return meter === null ? [] : unknownId(product.meters ?? [], meter, [...path, 'require_credit'], 'meter');
}

/** What is bought in advance is not included in a plan as well: it would be looked for before the period's first use gives it. */
function prepaidFindings(
  product: ProductSource,
  plan: PlanSource,
  { meter }: AllowanceSource,
  path: FieldPath,
): Finding[] {
  const required = plan.license?.require_credit ?? product.license?.require_credit;
  const why =
    product.timed_use?.meter === meter
      ? 'is the meter by which use is timed'
      : required === meter
        ? 'is the meter that require_credit names'
        : null;
  if (why === null) return [];
  return [
    { path, message: `${why}, which is bought in advance`, remedy: 'Remove the allowance, or grant it yourself.' },
  ];
}

function creditFindings(product: ProductSource): Finding[] {
  const credit = product.credit ?? [];
  const found: Finding[] = [];
  for (const [index, rate] of credit.entries()) {
    const path = ['credit', index];
    found.push(...unknownId(product.meters ?? [], rate.meter, [...path, 'meter'], 'meter'));
    found.push(...currencyFindings(rate.currency, [...path, 'currency']));
    if (credit.findIndex((other) => other.meter === rate.meter) !== index) {
      const message = `repeats the meter "${rate.meter}"`;
      found.push({ path: [...path, 'meter'], message, remedy: 'Write one rate for each meter.' });
    }
    if (rate.custom !== undefined && rate.custom.minimum > rate.custom.maximum) {
      const remedy = 'Exchange minimum and maximum.';
      found.push({ path: [...path, 'custom'], message: 'has a minimum above its maximum', remedy });
    }
    found.push(...customPriceFindings(rate, path));
  }
  for (const [index, pack] of (product.packs ?? []).entries()) {
    const path = ['packs', index];
    found.push(...unknownId(product.meters ?? [], pack.meter, [...path, 'meter'], 'meter'));
    if (pack.currency !== undefined && pack.amount === undefined) {
      const message = 'has no meaning without an amount';
      found.push({ path: [...path, 'currency'], message, remedy: 'Write the amount too, or remove the line.' });
    }
    if (pack.currency !== undefined) found.push(...currencyFindings(pack.currency, [...path, 'currency']));
    const rated = credit.some((rate) => rate.meter === pack.meter);
    if (!rated && (pack.amount === undefined || pack.currency === undefined)) {
      const message = 'has no price of its own, and no rate in `credit` for its meter';
      found.push({ path, message, remedy: 'Write amount and currency, or a rate in `credit`.' });
    }
    found.push(...packPriceFindings(pack, credit, path));
  }
  return found;
}

function policyFindings(product: ProductSource): Finding[] {
  const found: Finding[] = [];
  const { timed_use: timedUse, cancellation } = product;
  if (timedUse !== undefined) {
    found.push(...unknownId(product.meters ?? [], timedUse.meter, ['timed_use', 'meter'], 'meter'));
    const meter = product.meters?.find((each) => each.id === timedUse.meter);
    if (meter !== undefined && meter.kind !== 'time') {
      const remedy = `Write kind: time in the meter "${meter.id}".`;
      found.push({ path: ['timed_use', 'meter'], message: 'must be a meter of kind time', remedy });
    }
  }
  const { dunning } = product;
  found.push(
    ...downgradeFindings(product, ['cancellation', 'effect'], cancellation?.effect, cancellation?.downgrade_to),
    ...fallBackFindings(product, cancellation?.downgrade_to),
    ...downgradeFindings(product, ['dunning', 'when_grace_ends'], dunning?.when_grace_ends, dunning?.downgrade_to),
  );
  return found;
}

/** Whoever falls back to a plan has no subscription any more that could bill what they use. */
function fallBackFindings({ plans }: ProductSource, wanted: string | undefined): Finding[] {
  const plan = plans.find(({ id }) => id === wanted);
  if (plan?.allowances?.some(({ beyond }) => beyond === 'bill') !== true) return [];
  const message = `names the plan "${plan.id}", whose use is billed by a subscription, which has ended then`;
  return [{ path: ['cancellation', 'downgrade_to'], message, remedy: 'Name a plan that bills nothing, such as free.' }];
}

/** A plan is named where something is downgraded to one, and nowhere else. */
function downgradeFindings(
  product: ProductSource,
  [section, field]: [section: string, field: string],
  effect: string | undefined,
  plan: string | undefined,
): Finding[] {
  const path = [section, 'downgrade_to'];
  if (effect === 'downgrade' && plan === undefined) {
    return [{ path, message: 'is missing', remedy: 'Name the plan that follows, such as free.' }];
  }
  if (plan === undefined) return [];
  if (effect === 'downgrade') return unknownId(product.plans, plan, path, 'plan');
  return [{ path, message: `has no meaning with this ${field}`, remedy: `Write ${field}: downgrade, or remove it.` }];
}

function unknownId(items: readonly { id: string }[], id: string, path: FieldPath, what: string): Finding[] {
  if (items.some((item) => item.id === id)) return [];
  const ids = items.map((item) => item.id);
  const meant = nearest(id, ids);
  const known = ids.length === 0 ? `This product has no ${what}s.` : `Known: ${ids.join(', ')}.`;
  const remedy = meant === null ? known : `Did you mean ${meant}?`;
  return [{ path, message: `names the ${what} "${id}", which does not exist`, remedy }];
}

function currencyFindings(currency: string, path: FieldPath): Finding[] {
  if (KNOWN_CURRENCIES.includes(currency)) return [];
  const message = `is not a currency (got "${currency}")`;
  return [{ path, message, remedy: 'Write its three letters of ISO 4217 in lower case, such as usd.' }];
}
