import type { Command } from 'commander';
import { textAt } from '../json.ts';
import type { Run } from '../session.ts';
import type { Column } from '../table.ts';
import { addPageOptions, type PageOptions } from './paging.ts';

const COLUMNS: readonly Column[] = [
  { title: 'at', value: 'at' },
  { title: 'action', value: 'action' },
  { title: 'subject', value: 'subject.id' },
  { title: 'by', value: (row) => [textAt(row, 'actor.type'), textAt(row, 'actor.id')].filter(Boolean).join(' ') },
  { title: 'request', value: 'request_id' },
];

export function addAuditCommands(program: Command, run: Run): void {
  const audit = program.command('audit').description('who did what, when');
  addPageOptions(audit.command('list'))
    .description('list it, newest first')
    .option('--action <action>', 'such as license.revoked')
    .option('--subject <id>', 'of one licence, subscription or customer')
    .action((options: PageOptions & { action?: string; subject?: string }, command: Command) =>
      run(command, async ({ client, showList }) => {
        const { subject, ...rest } = options;
        return showList(await client.get('/v1/audit', { ...rest, subject_id: subject }), COLUMNS);
      }),
    );
}
