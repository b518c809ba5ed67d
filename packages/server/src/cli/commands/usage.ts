import type { Command } from 'commander';
import { EXIT, UsageError } from '../host.ts';
import { at, itemsOf, textAt } from '../json.ts';
import type { Run } from '../session.ts';
import type { Style } from '../style.ts';
import { type Column, formatTable } from '../table.ts';
import { instantOption } from './values.ts';

const FIGURES: readonly Column[] = [
  { title: 'events', value: 'events', align: 'right' },
  { title: 'failed', value: 'failed', align: 'right' },
  { title: 'quantity', value: 'quantity', align: 'right' },
  { title: 'billed', value: 'overage', align: 'right' },
  { title: 'noted', value: 'uncovered', align: 'right' },
];
const SLOTS: readonly Column[] = [{ title: 'from', value: 'start' }, ...FIGURES];
const ROUTES: readonly Column[] = [
  { title: 'method', value: 'method' },
  { title: 'route', value: 'route' },
  ...FIGURES,
  { title: 'p50 ms', value: 'latency.p50_ms', align: 'right' },
  { title: 'p95 ms', value: 'latency.p95_ms', align: 'right' },
  { title: 'p99 ms', value: 'latency.p99_ms', align: 'right' },
];
const CUSTOMERS: readonly Column[] = [
  { title: 'customer', value: (row) => at(row, 'customer_id') ?? at(row, 'license_id') },
  { title: 'email', value: 'email' },
  ...FIGURES,
];
const DIFFERENCES: readonly Column[] = [
  { title: 'account', value: 'account' },
  { title: 'hour', value: 'hour' },
  { title: 'method', value: 'method' },
  { title: 'route', value: 'route' },
  { title: 'kept', value: 'kept', align: 'right' },
  { title: 'counted', value: 'counted', align: 'right' },
];

interface ShowOptions {
  license?: string;
  customer?: string;
  product?: string;
  meter?: string;
  from?: string;
  to?: string;
  by?: string;
}

interface ProveOptions {
  from?: string;
  to?: string;
  repair?: boolean;
}

export function addUsageCommands(program: Command, run: Run): void {
  const usage = program.command('usage').description('what is used');
  addShowCommand(usage, run);
  addProveCommand(usage, run);
}

function addShowCommand(usage: Command, run: Run): void {
  usage
    .command('show')
    .description('over time and by route: of a licence, of a customer, or of everybody')
    .option('--license <id>')
    .option('--customer <id>', 'what is a customer’s own, and of none of their licences')
    .option('--product <id>')
    .option('--meter <id>')
    .option('--from <instant>', 'a day or an instant; 30 days ago unless said', instantOption)
    .option('--to <instant>', 'now unless said', instantOption)
    .option('--by <slot>', 'hour, day or month')
    .action((options: ShowOptions, command: Command) =>
      run(command, async ({ client, show, style }) => {
        const { license, customer, ...rest } = options;
        if (license !== undefined && customer !== undefined) throw new UsageError('Name a licence or a customer.');
        const isOne = license !== undefined || customer !== undefined;
        const answer = isOne
          ? await client.get('/v1/usage', { ...rest, license_id: license, customer_id: customer, group: 'route' })
          : await client.get('/v1/analytics/usage', { ...rest });
        return show(answer, () => {
          const lines = itemsOf(answer).flatMap((one) => meterLines(one, style));
          return lines.length === 0 ? ['Nothing was used.'] : lines.slice(0, -1);
        });
      }),
    );
}

/** One meter: what it comes to, slots in which anything was used, routes and customers. */
function meterLines(one: unknown, style: Style): string[] {
  if (at(one, 'total.events') === 0 && at(one, 'total.quantity') === 0) return [];
  const of = textAt(one, 'license_id') ?? textAt(one, 'customer_id');
  const title = `${textAt(one, 'product') ?? ''} ${textAt(one, 'meter') ?? ''}${of === undefined ? '' : ` of ${of}`}`;
  const slots = itemsOf(at(one, 'slots')).filter((slot) => at(slot, 'events') !== 0 || at(slot, 'quantity') !== 0);
  const total = `${String(at(one, 'total.quantity'))} ${textAt(one, 'unit') ?? ''} in ${String(at(one, 'total.events'))} events`;
  const trend = textAt(one, 'trend.direction');
  const table = (columns: readonly Column[], name: string) => {
    const rows = itemsOf(at(one, name));
    return rows.length === 0 ? [] : ['', ...formatTable(columns, rows)];
  };
  return [
    style.strong(title),
    `${total}${trend === undefined ? '' : `, ${trend}`}`,
    ...periodLine(one),
    ...(slots.length === 0 ? [] : formatTable(SLOTS, slots)),
    ...table(ROUTES, 'routes'),
    ...table(CUSTOMERS, 'customers'),
    '',
  ];
}

function periodLine(one: unknown): string[] {
  const period = at(one, 'period') ?? at(one, 'month');
  if (period === null || period === undefined) return [];
  const used = at(period, 'used') ?? at(period, 'quantity');
  const included = at(period, 'included');
  const projected = at(period, 'projected');
  return [
    `until ${(textAt(period, 'ends_at') ?? '').slice(0, 10)}: ${String(used)} used` +
      (typeof included === 'number' && included >= 0 ? ` of ${included}` : '') +
      (typeof projected === 'number' ? `, ${projected} projected` : ''),
  ];
}

function addProveCommand(usage: Command, run: Run): void {
  usage
    .command('prove')
    .description('compare what is shown of use with the events themselves; exit 1 when they differ')
    .requiredOption('--from <instant>', 'a day or an instant', instantOption)
    .option('--to <instant>', 'now unless said; 62 days later at most', instantOption)
    .option('--repair', 'count anew what differs')
    .action((options: ProveOptions, command: Command) =>
      run(command, async ({ client, show, style }) => {
        const { from, to, repair = false } = options;
        const body = { from, repair, ...(to === undefined ? {} : { to }) };
        const answer = await client.post('/v1/analytics/usage/proof', body);
        const isEqual = at(answer, 'equal') === true;
        const found = itemsOf(at(answer, 'discrepancies'));
        show(answer, () => [
          isEqual ? style.good('Equal.') : style.bad('Different.'),
          `${String(at(answer, 'hours'))} hours of accounts and routes, ${found.length} differed, of ${String(at(answer, 'repaired'))} accounts they were counted anew.`,
          ...(found.length === 0 ? [] : formatTable(DIFFERENCES, found)),
          ...droppedLine(answer),
          ...(isEqual || repair ? [] : [style.dim('latchkey usage prove --repair counts them anew.')]),
        ]);
        return isEqual ? EXIT.done : EXIT.no;
      }),
    );
}

function droppedLine(proof: unknown): string[] {
  const since = textAt(proof, 'events_from');
  if (since === undefined || textAt(proof, 'from') !== since) return [];
  return [`Events before ${since} were dropped: hours before it can no longer be compared.`];
}
