/** The use of licences and customers over time: for those who use, and for those who sell. */

import {
  type Catalog,
  findPlan,
  findProduct,
  LatchkeyError,
  type Meter,
  overageCents,
  projectedUse,
  type SlotLength,
  stepsPerUnit,
  type Trend,
} from '@latchkey/core';
import type { Connection } from '../../db/database.ts';
import { quantityOf } from '../ledger/index.ts';
import { type RouteOfUse, routesOf } from './routes-of-use.ts';
import { figuresOf, type SlotOfUse, slotsOf, trendOfSlots, type UseFigures } from './use-figures.ts';
import { accountsOf, runningWindows, sumDurations, sumUse, type UseAccount, type UseSpan } from './use-repository.ts';

/** What is asked of a series. */
export interface SeriesQuestion extends UseSpan {
  readonly by: SlotLength;
  /** Also for each route on its own. */
  readonly byRoute: boolean;
  readonly product?: string | undefined;
  readonly meter?: string | undefined;
}

/** The billing period that is running. */
export interface RunningPeriod {
  starts_at: string;
  ends_at: string;
  plan: string | null;
  used: number;
  /** -1 is without limit. */
  included: number;
  limit: string;
  /** What it comes to at its end, going on as so far; null in its first hundredth, and for meters that are not added up. */
  projected: number | null;
  projected_overage: number | null;
  projected_overage_cents: number | null;
  currency: string | null;
}

export interface UseSeries {
  account: UseAccount;
  meter: Meter;
  total: UseFigures;
  slots: SlotOfUse[];
  trend: Trend | null;
  period: RunningPeriod | null;
  routes: RouteOfUse[] | null;
}

/** Accounts, and figures, that one answer may have. */
const MOST_ACCOUNTS = 100;
const MOST_FIGURES = 20_000;

/** The series of every account that these own. Throws `invalid_request` for more than one answer may have. */
export async function useSeries(
  connection: Connection,
  owners: readonly string[],
  { question, catalog, now }: { question: SeriesQuestion; catalog: Catalog; now: Date },
): Promise<UseSeries[]> {
  const accounts = owners.length === 0 ? [] : await accountsOf(connection, owners, question, MOST_ACCOUNTS + 1);
  if (accounts.length > MOST_ACCOUNTS) throw tooMuch(`more than ${MOST_ACCOUNTS} balances`);
  const scope = { accounts: accounts.map(({ id }) => id) };
  const span = { from: question.from, to: question.to };
  const sums = (by: Parameters<typeof sumUse>[2]['by']) =>
    sumUse(connection, scope, { span, by, most: MOST_FIGURES + 1 });
  const totals = await sums({ account: true });
  const slots = await sums({ account: true, slot: question.by });
  const routed = question.byRoute ? await sums({ account: true, slot: question.by, route: true }) : [];
  if (slots.length + routed.length > MOST_FIGURES) throw tooMuch(`more than ${MOST_FIGURES} figures`);
  const whole = question.byRoute ? await sums({ account: true, route: true }) : [];
  const durations = question.byRoute
    ? await sumDurations(connection, scope, { span, account: true, routes: whole })
    : [];
  const windows = await runningWindows(connection, scope.accounts, now);
  return accounts.flatMap((account) => {
    const meter = meterOf(catalog, account);
    if (meter === null) return [];
    const own = <Row extends { account: string }>(rows: readonly Row[]) =>
      rows.filter((row) => row.account === account.id);
    const filled = slotsOf(own(slots), meter, question);
    const window = windows.find(({ account_id }) => account_id === account.id);
    return {
      account,
      meter,
      total: figuresOf(own(totals)[0], meter),
      slots: filled,
      trend: trendOfSlots(filled, question.by, now),
      period: window === undefined ? null : periodOf(window, { catalog, account, meter, now }),
      routes: question.byRoute
        ? routesOf({ totals: own(whole), slots: own(routed), durations: own(durations) }, meter, question)
        : null,
    };
  });
}

type Window = Awaited<ReturnType<typeof runningWindows>>[number];

function periodOf(
  window: Window,
  { catalog, account, meter, now }: { catalog: Catalog; account: UseAccount; meter: Meter; now: Date },
): RunningPeriod {
  const { starts_at: start, ends_at: end, plan, recorded, included, limit_kind: limit } = window;
  const addsUp = meter.aggregation === 'sum' || meter.aggregation === 'count';
  const projected = addsUp ? projectedUse({ used: recorded, start, end, now }) : null;
  // What is billed already stays billed: a plan that included less at the time, say.
  const beyond =
    projected === null || limit !== 'overage' || included === -1
      ? null
      : Math.max(window.overage, projected - included, 0);
  const rate = rateOf(catalog, { product: account.product, plan, meter: meter.id });
  const of = (steps: number | null) => (steps === null ? null : quantityOf(steps, meter));
  return {
    starts_at: start.toISOString(),
    ends_at: end.toISOString(),
    plan,
    used: quantityOf(recorded, meter),
    included: included === -1 ? -1 : quantityOf(included, meter),
    limit,
    projected: of(projected),
    projected_overage: of(beyond),
    projected_overage_cents: beyond === null || rate === null ? null : overageCents(rate, beyond, stepsPerUnit(meter)),
    currency: rate?.currency ?? null,
  };
}

function rateOf(catalog: Catalog, named: { product: string; plan: string | null; meter: string }) {
  const product = findProduct(catalog, named.product);
  const plan = product === null || named.plan === null ? null : findPlan(product, named.plan);
  return plan?.allowances.find(({ meter }) => meter === named.meter)?.overage ?? null;
}

/** The meter of an account; null for one that the catalog no longer has. */
function meterOf(catalog: Catalog, { product, meter }: Pick<UseAccount, 'product' | 'meter'>): Meter | null {
  return findProduct(catalog, product)?.meters.find(({ id }) => id === meter) ?? null;
}

function tooMuch(what: string): LatchkeyError {
  return new LatchkeyError('invalid_request', `That is ${what}. Name a licence, a meter or a shorter time.`, {
    path: 'from',
  });
}
