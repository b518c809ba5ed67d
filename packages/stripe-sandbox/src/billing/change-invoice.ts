import type { Work } from '../work.ts';
import type { ChangePlan } from './change-plan.ts';
import type { Draft } from './invoice-draft.ts';
import { composeAlone, composePeriod, type PeriodInvoice } from './period-invoice.ts';

/** The invoice that a change makes now, not stored: of a new period, or of the prorations alone. */
export function composeNow(work: Work, plan: ChangePlan, draft: Draft): PeriodInvoice {
  if (plan.newPeriod) return composePeriod(work, plan.subscription, draft);
  return composeAlone(work, plan.subscription, draft);
}
