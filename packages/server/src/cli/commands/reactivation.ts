import type { Command } from 'commander';
import type { Run } from '../session.ts';
import type { Column } from '../table.ts';
import { addPageOptions, type PageOptions } from './paging.ts';

const COLUMNS: readonly Column[] = [
  { title: 'id', value: 'id' },
  { title: 'licence', value: 'license_id' },
  { title: 'machine', value: 'fingerprint' },
  { title: 'name', value: 'name' },
  { title: 'status', value: 'status' },
  { title: 'asked', value: 'created_at' },
];

/** Machines that were one too many and asked to be let in. */
export function addReactivationCommands(program: Command, run: Run): void {
  const reactivation = program.command('reactivation').description('machines that ask to be let in');
  addPageOptions(reactivation.command('list'))
    .description('list them, newest first')
    .option('--status <status>', 'pending, approved or denied', 'pending')
    .option('--license <id>')
    .action((options: PageOptions & { status?: string; license?: string }, command: Command) =>
      run(command, async ({ client, showList }) =>
        showList(await client.get('/v1/reactivations', { ...options }), COLUMNS),
      ),
    );
  for (const verb of ['approve', 'deny'] as const) {
    const command = reactivation
      .command(`${verb} <id>`)
      .description(verb === 'approve' ? 'let the machine in, in the place of another' : 'leave the machine out')
      .option('--reason <text>', 'the owner is told');
    if (verb === 'approve')
      command.option('--release <activation>', 'the machine that goes out for it; the oldest unless said');
    command.action((id: string, options: { reason?: string; release?: string }, invoked: Command) =>
      run(invoked, async ({ client, showRecord }) =>
        showRecord(await client.post(`/v1/reactivations/${encodeURIComponent(id)}/${verb}`, options)),
      ),
    );
  }
}
