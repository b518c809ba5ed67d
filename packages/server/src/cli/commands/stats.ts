import { formatMoney, money } from '@latchkey/core';
import type { Command } from 'commander';
import { AnsweredError, type Client } from '../client.ts';
import { at, itemsOf, textAt } from '../json.ts';
import type { Run } from '../session.ts';
import type { Style } from '../style.ts';
import { type Column, formatRecord, formatTable } from '../table.ts';

const PLANS: readonly Column[] = [
  { title: 'product', value: 'product' },
  { title: 'plan', value: 'plan' },
  { title: 'subscriptions', value: 'subscriptions', align: 'right' },
  { title: 'a month', value: (row) => amountAt(row, 'mrr_cents'), align: 'right' },
];

const METERS: readonly Column[] = [
  { title: 'product', value: 'product' },
  { title: 'meter', value: 'meter' },
  { title: '30 days', value: 'total.quantity', align: 'right' },
  { title: 'billed', value: 'total.overage', align: 'right' },
  { title: 'this month', value: 'month.quantity', align: 'right' },
  { title: 'projected', value: 'month.projected', align: 'right' },
  { title: 'trend', value: 'trend.direction' },
];

/** What comes in, who has a licence, and what is used, at a glance. */
export function addStatsCommand(program: Command, run: Run): void {
  program
    .command('stats')
    .description('what comes in each month, totals of licences and subscriptions, and what is used')
    .option('--product <id>')
    .action((options: { product?: string }, command: Command) =>
      run(command, async ({ client, show, style }) => {
        const query = { product: options.product };
        const licenses = await client.get('/v1/licenses/statistics', query);
        const subscriptions = await client.get('/v1/subscriptions/statistics', query);
        const revenue = await forAdmins(client, '/v1/analytics/revenue', {});
        const usage = await forAdmins(client, '/v1/analytics/usage', query);
        return show({ revenue, licenses, subscriptions, usage }, () => [
          ...revenueLines(revenue, options.product, style),
          style.strong('Licences'),
          ...formatRecord(licenses),
          '',
          style.strong('Subscriptions'),
          ...formatRecord(subscriptions),
          ...usageLines(usage, style),
        ]);
      }),
    );
}

/** An answer that only admins are given; null for an API key, which is told the rest. */
async function forAdmins(client: Client, path: string, query: { product?: string | undefined }): Promise<unknown> {
  try {
    return await client.get(path, query);
  } catch (error) {
    if (error instanceof AnsweredError && error.status === 403) return null;
    throw error;
  }
}

function revenueLines(revenue: unknown, product: string | undefined, style: Style): string[] {
  const totals = itemsOf(at(revenue, 'totals'));
  const plans = itemsOf(at(revenue, 'by_plan')).filter(
    (row) => product === undefined || at(row, 'product') === product,
  );
  if (totals.length === 0 && plans.length === 0) return [];
  const sums = totals.map((total) => {
    const of = (field: string) => amountAt(total, field);
    const churn = at(total, 'customer_churn_rate');
    const left = typeof churn === 'number' ? `, ${(churn * 100).toFixed(1)} % of customers leave in a month` : '';
    return `${of('mrr_cents')} a month, ${of('arr_cents')} a year, of ${String(at(total, 'paying_customers'))} customers${left}`;
  });
  const table = plans.length === 0 ? [] : formatTable(PLANS, plans);
  // The sums are of all products.
  return [style.strong('Revenue'), ...(product === undefined ? sums : []), ...table, ''];
}

function usageLines(usage: unknown, style: Style): string[] {
  const used = itemsOf(usage).filter((meter) => at(meter, 'total.events') !== 0 || at(meter, 'month.quantity') !== 0);
  if (used.length === 0) return [];
  return ['', style.strong('Use'), ...formatTable(METERS, used)];
}

function amountAt(row: unknown, field: string): string {
  const cents = at(row, field);
  const currency = textAt(row, 'currency');
  return typeof cents === 'number' && currency !== undefined ? formatMoney(money(cents, currency)) : '-';
}
