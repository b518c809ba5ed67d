/** Everybody's use of each meter: how much, where it is going, by which routes, by whom and when. */

import { type Catalog, type Meter, projectedUse, type SlotLength, type Trend } from '@latchkey/core';
import type { Connection } from '../../db/database.ts';
import { quantityOf } from '../ledger/index.ts';
import { MOST_ROUTES, type RouteOfUse, routesOf } from './routes-of-use.ts';
import { monthOf } from './schemas.ts';
import {
  countedBy,
  figuresOf,
  type Latencies,
  latenciesOf,
  type SlotOfUse,
  slotsOf,
  trendOfSlots,
  type UseFigures,
} from './use-figures.ts';
import { sumDurations, sumUse, topCustomers, type UseSpan, useByHourOfDay } from './use-repository.ts';

export interface AnalyticsQuestion extends UseSpan {
  readonly by: SlotLength;
  readonly product?: string | undefined;
  readonly meter?: string | undefined;
  /** How many customers are named. */
  readonly top: number;
}

export interface CustomerOfUse extends UseFigures {
  customer_id: string | null;
  license_id: string | null;
  email: string | null;
}

export interface MeterAnalytics {
  product: string;
  meter: Meter;
  total: UseFigures;
  slots: SlotOfUse[];
  trend: Trend | null;
  month: { starts_at: string; ends_at: string; quantity: number; projected: number | null };
  latency: Latencies | null;
  routes: RouteOfUse[];
  customers: CustomerOfUse[];
  hours_of_day: { hour: number; events: number; quantity: number }[];
}

/** The figures of every meter in the catalog that the question is about. */
export async function useAnalytics(
  connection: Connection,
  { question, catalog, now }: { question: AnalyticsQuestion; catalog: Catalog; now: Date },
): Promise<MeterAnalytics[]> {
  const meters = catalog.products
    .filter(({ id }) => question.product === undefined || id === question.product)
    .flatMap(({ id, meters: all }) => all.map((meter) => ({ product: id, meter })))
    .filter(({ meter }) => question.meter === undefined || meter.id === question.meter);
  const answers: MeterAnalytics[] = [];
  for (const one of meters) answers.push(await ofMeter(connection, one, question, now));
  return answers;
}

async function ofMeter(
  connection: Connection,
  { product, meter }: { product: string; meter: Meter },
  question: AnalyticsQuestion,
  now: Date,
): Promise<MeterAnalytics> {
  const scope = { product, meter: meter.id };
  const span = { from: question.from, to: question.to };
  const [total] = await sumUse(connection, scope, { span, by: {} });
  const slots = slotsOf(await sumUse(connection, scope, { span, by: { slot: question.by } }), meter, question);
  const totals = await sumUse(connection, scope, { span, by: { route: true }, most: MOST_ROUTES });
  const durations = await sumDurations(connection, scope, { span, routes: totals });
  const customers = await topCustomers(connection, scope, { span, by: countedBy(meter), limit: question.top });
  const hours = await useByHourOfDay(connection, scope, span);
  const [altogether] = await sumDurations(connection, scope, { span });
  return {
    product,
    meter,
    total: figuresOf(total, meter),
    slots,
    trend: trendOfSlots(slots, question.by, now),
    month: await monthSoFar(connection, { product, meter }, now),
    latency: latenciesOf(altogether?.durations, total?.durationMs ?? 0),
    routes: routesOf({ totals, durations }, meter, question),
    customers: customers.map(({ customer, license, email, ...sums }) => ({
      customer_id: customer,
      license_id: license,
      email,
      ...figuresOf(sums, meter),
    })),
    hours_of_day: hours.map(({ quantity, ...hour }) => ({ ...hour, quantity: quantityOf(quantity, meter) })),
  };
}

async function monthSoFar(
  connection: Connection,
  { product, meter }: { product: string; meter: Meter },
  now: Date,
): Promise<MeterAnalytics['month']> {
  const month = monthOf(now);
  const [sums] = await sumUse(connection, { product, meter: meter.id }, { span: month, by: {} });
  const counted = countedBy(meter);
  const used = sums?.[counted] ?? 0;
  const projected =
    counted === 'quantity' && used >= 0 ? projectedUse({ used, start: month.from, end: month.to, now }) : null;
  return {
    starts_at: month.from.toISOString(),
    ends_at: month.to.toISOString(),
    quantity: quantityOf(used, meter),
    projected: projected === null ? null : quantityOf(projected, meter),
  };
}
