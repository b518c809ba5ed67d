import type { Command } from 'commander';
import type { Run } from '../session.ts';
import type { Column } from '../table.ts';
import { addPageOptions, type PageOptions } from './paging.ts';

const COLUMNS: readonly Column[] = [
  { title: 'id', value: 'id' },
  { title: 'event', value: 'event_id' },
  { title: 'type', value: 'type' },
  { title: 'status', value: 'status' },
  { title: 'attempts', value: 'attempts', align: 'right' },
  { title: 'received', value: 'received_at' },
  { title: 'reason', value: 'reason' },
];

/** The events Stripe delivered: what became of each, and once more from the start. */
export function addInboxCommands(program: Command, run: Run): void {
  const inbox = program.command('inbox').description('events that Stripe delivered');
  addPageOptions(inbox.command('list'))
    .description('list them, newest first')
    .option('--status <status>', 'pending, processed, ignored or failed')
    .option('--type <type>', 'such as invoice.payment_failed')
    .action((options: PageOptions & { status?: string; type?: string }, command: Command) =>
      run(command, async ({ client, showList }) => showList(await client.get('/v1/inbox', { ...options }), COLUMNS)),
    );
  inbox
    .command('replay <id>')
    .description('process an event again, as if it had just arrived')
    .action((id: string, _options: unknown, command: Command) =>
      run(command, async ({ client, showRecord }) =>
        showRecord(await client.post(`/v1/inbox/${encodeURIComponent(id)}/replay`)),
      ),
    );
}
