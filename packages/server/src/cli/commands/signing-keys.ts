import type { Command } from 'commander';
import type { Run } from '../session.ts';
import type { Column } from '../table.ts';

const COLUMNS: readonly Column[] = [
  { title: 'id', value: 'id' },
  { title: 'status', value: 'status' },
  { title: 'public key', value: 'public_key' },
  { title: 'created', value: 'created_at' },
  { title: 'retired', value: 'retired_at' },
  { title: 'revoked', value: 'revoked_at' },
];

/** The keys that sign licence files. */
export function addSigningKeyCommands(program: Command, run: Run): void {
  const signingKeys = program.command('signing-keys').description('the keys that sign licence files');
  signingKeys
    .command('list')
    .description('list them, the public halves')
    .action((_options: unknown, command: Command) =>
      run(command, async ({ client, showList }) => showList(await client.get('/v1/signing-keys'), COLUMNS)),
    );
  signingKeys
    .command('rotate')
    .description('let a new one sign; what the one before signed still holds')
    .action((_options: unknown, command: Command) =>
      run(command, async ({ client, showRecord }) => showRecord(await client.post('/v1/signing-keys/rotate'))),
    );
  signingKeys
    .command('revoke <id>')
    .description('take one back: nothing that it signed holds any more')
    .action((id: string, _options: unknown, command: Command) =>
      run(command, async ({ client, showRecord }) =>
        showRecord(await client.post(`/v1/signing-keys/${encodeURIComponent(id)}/revoke`)),
      ),
    );
}
