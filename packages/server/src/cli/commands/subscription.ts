import { formatMoney, money } from '@latchkey/core';
import type { Command } from 'commander';
import { at } from '../json.ts';
import type { Run } from '../session.ts';
import type { Column } from '../table.ts';
import { addPageOptions, type PageOptions } from './paging.ts';

const COLUMNS: readonly Column[] = [
  { title: 'id', value: 'id' },
  { title: 'stripe', value: 'stripe_subscription_id' },
  { title: 'product', value: 'product' },
  { title: 'plan', value: 'plan' },
  { title: 'status', value: 'status' },
  { title: 'standing', value: 'standing' },
  { title: 'paid through', value: 'paid_through' },
  { title: 'failed', value: 'failed_payments', align: 'right' },
  { title: 'amount', value: amount, align: 'right' },
];

interface ListOptions extends PageOptions {
  status?: string;
  product?: string;
  customer?: string;
  email?: string;
}

export function addSubscriptionCommands(program: Command, run: Run): void {
  const subscription = program.command('subscription').description('subscriptions');
  addPageOptions(subscription.command('list'))
    .description('list them, newest first')
    .option('--status <status>', 'Stripe’s: active, past_due, canceled, …')
    .option('--product <id>')
    .option('--customer <id>')
    .option('--email <address>')
    .action((options: ListOptions, command: Command) =>
      run(command, async ({ client, showList }) =>
        showList(await client.get('/v1/subscriptions', { ...options }), COLUMNS),
      ),
    );
  subscription
    .command('show <id>')
    .description('show one, by its id or Stripe’s')
    .action((id: string, _options: unknown, command: Command) =>
      run(command, async ({ client, showRecord }) => showRecord(await client.get(pathOf(id)))),
    );
  subscription
    .command('cancel <id>')
    .description('end one at once, or when what was paid for is over')
    .option('--at-period-end', 'leave the customer what was paid for')
    .action((id: string, options: { atPeriodEnd?: boolean }, command: Command) =>
      run(command, async ({ client, showRecord }) =>
        showRecord(await client.post(`${pathOf(id)}/cancel`, { at_period_end: options.atPeriodEnd === true })),
      ),
    );
}

function pathOf(id: string): string {
  return `/v1/subscriptions/${encodeURIComponent(id)}`;
}

function amount(row: unknown): string {
  const cents = at(row, 'amount_cents');
  const currency = at(row, 'currency');
  return typeof cents === 'number' && typeof currency === 'string' ? formatMoney(money(cents, currency)) : '-';
}
