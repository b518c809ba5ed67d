import { formatMoney, money } from '@latchkey/core';
import { type Command, Option } from 'commander';
import { at, itemsOf, textAt } from '../json.ts';
import type { Run } from '../session.ts';
import type { Column } from '../table.ts';
import { addPageOptions, type PageOptions } from './paging.ts';
import { wholeOption } from './values.ts';

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

interface ChangeOptions {
  quantity?: number;
  when?: string;
  preview?: boolean;
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
  subscription
    .command('resume <id>')
    .description('undo a cancellation that has not happened yet')
    .action((id: string, _options: unknown, command: Command) =>
      run(command, async ({ client, showRecord }) => showRecord(await client.post(`${pathOf(id)}/resume`, {}))),
    );
  subscription
    .command('change <id> <plan>')
    .description('move one to another plan, now or when the catalog says')
    .option('--quantity <number>', 'how many; as many as now unless said', wholeOption)
    .addOption(new Option('--when <when>', 'whatever the catalog says').choices(['now', 'period_end']))
    .option('--preview', 'show what it would cost, and change nothing')
    .action((id: string, plan: string, { preview = false, ...rest }: ChangeOptions, command: Command) =>
      run(command, async ({ client, show }) => {
        const answer = await client.post(`${pathOf(id)}/change`, { plan, preview, ...rest });
        return show(answer, () => changeLines(answer, preview));
      }),
    );
  subscription
    .command('keep <id>')
    .description('take back a change that waits for the end of the period')
    .action((id: string, _options: unknown, command: Command) =>
      run(command, async ({ client, showRecord }) => showRecord(await client.post(`${pathOf(id)}/change/cancel`, {}))),
    );
}

/** A change in the words of whoever has to answer for it: what, when, what it costs, and why. */
function changeLines(answer: unknown, preview: boolean): string[] {
  const currency = textAt(answer, 'currency') ?? 'usd';
  const sum = (of: unknown, field: string) => formatMoney(money(Number(at(of, field) ?? 0), currency));
  const change = at(answer, 'change');
  const [from, to] = ['from', 'to'].map((side) => textAt(at(change, side), 'plan') ?? '?');
  const when = at(change, 'when') === 'now' ? 'now' : `on ${textAt(change, 'effective_at') ?? '?'}`;
  return [
    `${preview ? 'Would be moved' : 'Moved'} from ${from} to ${to}, ${when} (${textAt(change, 'kind') ?? '?'}).`,
    ...itemsOf(at(answer, 'lines')).map(
      (line) => `  ${sum(line, 'amount').padStart(12)}  ${textAt(line, 'description') ?? ''}`,
    ),
    `  ${sum(answer, 'total').padStart(12)}  in all; charged at once: ${sum(answer, 'amount_due')}`,
    `  ${textAt(answer, 'because') ?? ''}`,
    ...(at(answer, 'requires_action') === true
      ? ['The customer’s bank asks for them: it is made once they have answered.']
      : []),
  ];
}

function pathOf(id: string): string {
  return `/v1/subscriptions/${encodeURIComponent(id)}`;
}

function amount(row: unknown): string {
  const cents = at(row, 'amount_cents');
  const currency = at(row, 'currency');
  return typeof cents === 'number' && typeof currency === 'string' ? formatMoney(money(cents, currency)) : '-';
}
