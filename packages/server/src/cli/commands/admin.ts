import type { Command } from 'commander';
import { EXIT } from '../host.ts';
import type { Run } from '../session.ts';
import { type Column, formatRecord } from '../table.ts';

const COLUMNS: readonly Column[] = [
  { title: 'id', value: 'id' },
  { title: 'email', value: 'email' },
  { title: 'name', value: 'name' },
  { title: 'since', value: 'since' },
];

/** The vendor's people who sign in. */
export function addAdminCommands(program: Command, run: Run): void {
  const admin = program.command('admin').description('your people who sign in to the dashboard');
  admin
    .command('create <email>')
    .description('make somebody an admin; their password is shown this once')
    .option('--name <name>')
    .option('--password-stdin', 'read the password from standard input instead of making one up')
    .action((email: string, options: { name?: string; passwordStdin?: boolean }, command: Command) =>
      run(command, async ({ host, client, json }) => {
        const password = options.passwordStdin === true ? (await host.readInput()).replace(/\r?\n$/, '') : undefined;
        const body = { email, ...(options.name ? { name: options.name } : {}), ...(password ? { password } : {}) };
        const answer = await client.post('/v1/admins', body);
        host.out(json ? JSON.stringify(answer, null, 2) : formatRecord(answer).join('\n'));
        if (!json && password === undefined) host.err('Keep the password now: only its hash is stored.');
        return EXIT.done;
      }),
    );
  admin
    .command('list')
    .description('list them')
    .action((_options: unknown, command: Command) =>
      run(command, async ({ client, showList }) => showList(await client.get('/v1/admins'), COLUMNS)),
    );
  admin
    .command('remove <id>')
    .description('take the rights back, and sign them out everywhere')
    .action((id: string, _options: unknown, command: Command) =>
      run(command, async ({ client, showRecord }) =>
        showRecord(await client.delete(`/v1/admins/${encodeURIComponent(id)}`)),
      ),
    );
}
