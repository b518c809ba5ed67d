import { overageCents, stepsPerUnit, type UsageLook } from '@latchkey/core';
import type { z } from 'zod';
import { quantityOf } from '../ledger/index.ts';
import type { HeldMeter } from './holders.ts';
import type { checkAnswer, limitsAnswer } from './schemas.ts';
import type { CheckAnswer, MeterStanding } from './service.ts';

type Standing = z.infer<typeof limitsAnswer>['data'][number];

/** Where a holder stands with a meter, in its unit. */
export function standingView({ held, window, remaining, overages, reserved }: MeterStanding): Standing {
  const { reference, meter } = held.account;
  const { owner, product } = reference;
  const of = (steps: number) => (steps === -1 ? -1 : quantityOf(steps, meter));
  const { included, recorded, ceiling } = window;
  return {
    object: 'usage_limit',
    product,
    meter: meter.id,
    unit: meter.unit,
    license_id: 'licenseId' in owner ? owner.licenseId : null,
    customer_id: 'customerId' in owner ? owner.customerId : null,
    plan: window.plan,
    limit: window.limit,
    included: of(included),
    used: of(recorded),
    remaining: of(remaining),
    reserved: of(reserved),
    overage: of(window.overage),
    overage_cost: costOf(held, overages),
    uncovered: of(window.uncovered),
    ceiling: ceiling === null ? null : of(ceiling),
    percentage: included > 0 ? Math.round((recorded * 10_000) / included) / 100 : null,
    period: { start: new Date(window.startsAt).toISOString(), end: new Date(window.endsAt).toISOString() },
    resets_at: included === 0 ? null : new Date(window.endsAt).toISOString(),
  };
}

/** What went beyond costs so much, each rate rounded once, as it is on the invoice. */
function costOf({ account, standing }: HeldMeter, overages: UsageLook['overages']): Standing['overage_cost'] {
  const currency = overages.at(-1)?.price.currency ?? standing.terms.rate?.currency;
  if (currency === undefined) return null;
  const perUnit = stepsPerUnit(account.meter);
  let amount_cents = 0;
  for (const { price, units } of overages) {
    if (price.currency === currency) amount_cents += overageCents(price, units, perUnit);
  }
  return { amount_cents, currency };
}

export function checkView(answer: CheckAnswer, { account }: HeldMeter): z.infer<typeof checkAnswer> {
  const of = (steps: number) => (steps === -1 ? -1 : quantityOf(steps, account.meter));
  return {
    allowed: answer.allowed,
    code: answer.code,
    remaining: of(answer.remaining),
    limit: of(answer.limit),
    resets_at: answer.resetsAt === null ? null : new Date(answer.resetsAt).toISOString(),
    because: [...answer.because],
    reservation_id: answer.reservation,
  };
}
