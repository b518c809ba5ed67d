import type { Invoice } from '../objects/invoice.ts';
import type { Work } from '../work.ts';

/** Tasks of an invoice that is sent: notices before and after the day it is due, and that day itself. */
export const WILL_BE_DUE_TASK = 'invoice.will_be_due';
export const DUE_TASK = 'invoice.due';
export const OVERDUE_TASK = 'invoice.overdue';

const DAY_SECONDS = 86_400;

/** Puts what follows from an invoice's due date on the schedule. */
export function scheduleDueDate(work: Work, invoice: Invoice): void {
  const due = invoice.due_date;
  if (due === null || invoice.status !== 'open') return;
  const { willBeDueDays, overdueDays } = work.settings;
  const notice = due - willBeDueDays * DAY_SECONDS;
  if (notice > work.now) work.tasks.schedule(WILL_BE_DUE_TASK, invoice.id, notice);
  work.tasks.schedule(DUE_TASK, invoice.id, due);
  work.tasks.schedule(OVERDUE_TASK, invoice.id, due + overdueDays * DAY_SECONDS);
}

/** There is nothing left to be due. */
export function forgetDueDate(work: Work, invoice: string): void {
  for (const task of [WILL_BE_DUE_TASK, DUE_TASK, OVERDUE_TASK]) work.tasks.cancel(task, invoice);
}
