import {
  annualRunRateCents,
  averagePerCustomerCents,
  lifetimeValueCents,
  MOVEMENT_KINDS,
  type MonthOfMovements,
  type MovementKind,
  type RevenueMonth,
  rollForward,
  type Share,
  together,
} from '@latchkey/core';
import type { Connection, Database } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import * as repository from './revenue-repository.ts';

/** What one currency brings, and how that came about. */
export interface CurrencyFigures {
  currency: string;
  mrrCents: number;
  arrCents: number;
  payingCustomers: number;
  averagePerCustomerCents: number | null;
  /** Per month, over all the months looked at. */
  customerChurn: Share;
  revenueChurn: Share;
  lifetimeValueCents: number | null;
  /** The oldest first; the last is the running month. */
  months: RevenueMonth[];
}

export interface RevenueFigures {
  currencies: CurrencyFigures[];
  plans: repository.PlanRevenue[];
  trials: repository.MonthOfTrials[];
  /** Trials that were followed by a payment, of all that ended. */
  trialConversion: Share;
  movements: repository.MonthlyMovement[];
}

/** Full months looked at, beside the one that is running. */
const MONTHS = 12;

/**
 * Every figure of the revenue, from the subscriptions as they are and the movements as they were written. Of one product, `new` and `churn`
 * are still the customer's: who leaves it and keeps another is a contraction.
 */
export async function revenueFigures(
  connection: Connection,
  now: Date,
  scope: repository.RevenueScope = {},
): Promise<RevenueFigures> {
  const months = monthsUntil(now);
  const since = new Date(`${months[0]}T00:00:00Z`);
  const totals = await repository.revenueTotals(connection, scope);
  const openings = await repository.standingBefore(connection, since, scope);
  const movements = await repository.movementsByMonth(connection, since, scope);
  const trials = await repository.trialsByMonth(connection, since, now, scope);
  const currencies = [...new Set([...totals, ...openings, ...movements].map(({ currency }) => currency))].toSorted();
  return {
    currencies: currencies.map((currency) => {
      const opening = openings.find((one) => one.currency === currency);
      const moved = movements.filter((one) => one.currency === currency);
      const rolled = rollForward(
        { mrrCents: opening?.mrrCents ?? 0, customers: opening?.customers ?? 0 },
        months.map((month) => monthOf(month, moved)),
      );
      const { mrrCents = 0, payingCustomers = 0 } = totals.find((one) => one.currency === currency) ?? {};
      return figuresOf({ currency, mrrCents, payingCustomers }, rolled);
    }),
    plans: await repository.revenueByPlan(connection, scope),
    trials,
    trialConversion: together(trials.map(({ converted, ended }) => ({ part: converted, of: ended }))),
    movements,
  };
}

export type RevenueReader = ReturnType<typeof createRevenueReader>;

/** The revenue as it is now, of everything or of one product. */
export function createRevenueReader({ database, clock }: { database: Database; clock: Clock }) {
  return {
    figures: (scope: repository.RevenueScope = {}): Promise<RevenueFigures> =>
      revenueFigures(database.connection, clock.now(), scope),
  };
}

function figuresOf(totals: repository.RevenueTotals, months: RevenueMonth[]): CurrencyFigures {
  const standing = { mrrCents: totals.mrrCents, customers: totals.payingCustomers };
  const customerChurn = together(months.map((month) => month.customerChurn));
  return {
    ...totals,
    arrCents: annualRunRateCents(totals.mrrCents),
    averagePerCustomerCents: averagePerCustomerCents(standing),
    customerChurn,
    revenueChurn: together(months.map((month) => month.revenueChurn)),
    lifetimeValueCents: lifetimeValueCents(standing, customerChurn),
    months,
  };
}

function monthsUntil(now: Date): string[] {
  return Array.from({ length: MONTHS + 1 }, (_, index) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - MONTHS + index, 1)).toISOString().slice(0, 10),
  );
}

function monthOf(month: string, movements: readonly repository.MonthlyMovement[]): MonthOfMovements {
  const of = (field: 'deltaCents' | 'movements') =>
    Object.fromEntries(
      MOVEMENT_KINDS.map((kind) => [
        kind,
        movements.find((one) => one.month === month && one.kind === kind)?.[field] ?? 0,
      ]),
    ) as Record<MovementKind, number>;
  return { month, deltaCents: of('deltaCents'), count: of('movements') };
}
