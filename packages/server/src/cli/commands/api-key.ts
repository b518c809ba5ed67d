import type { Command } from 'commander';
import { EXIT } from '../host.ts';
import { at } from '../json.ts';
import type { Run } from '../session.ts';
import { type Column, formatRecord } from '../table.ts';
import { addPageOptions, type PageOptions } from './paging.ts';
import { collect, instantOption } from './values.ts';

const COLUMNS: readonly Column[] = [
  { title: 'id', value: 'id' },
  { title: 'name', value: 'name' },
  { title: 'hint', value: 'hint' },
  { title: 'scopes', value: (row) => (Array.isArray(at(row, 'scopes')) ? String(at(row, 'scopes')) : '-') },
  { title: 'created', value: 'created_at' },
  { title: 'last used', value: 'last_used_at' },
  { title: 'expires', value: 'expires_at' },
  { title: 'revoked', value: 'revoked_at' },
];

/** Tokens for the vendor's own servers. */
export function addApiKeyCommands(program: Command, run: Run): void {
  const apiKey = program.command('api-key').description('API keys for your own servers');
  apiKey
    .command('create <name>')
    .description('make one; it is shown this once')
    .requiredOption('--scope <scope>', 'what it may do, such as licenses:read; may be repeated', collect)
    .option('--expires <instant>', 'such as 2027-01-31T00:00:00Z', instantOption)
    .action((name: string, options: { scope: string[]; expires?: string }, command: Command) =>
      run(command, async ({ host, client, json }) => {
        const body = { name, scopes: options.scope, ...(options.expires ? { expires_at: options.expires } : {}) };
        const answer = await client.post('/v1/api-keys', body);
        // Shown whole whatever --show-key says: nobody can ask for it again.
        host.out(json ? JSON.stringify(answer, null, 2) : formatRecord(answer).join('\n'));
        if (!json) host.err('Keep it now: only its hash is stored.');
        return EXIT.done;
      }),
    );
  addPageOptions(apiKey.command('list'))
    .description('list them')
    .action((options: PageOptions, command: Command) =>
      run(command, async ({ client, showList }) => showList(await client.get('/v1/api-keys', { ...options }), COLUMNS)),
    );
  apiKey
    .command('revoke <id>')
    .description('make one useless at once')
    .action((id: string, _options: unknown, command: Command) =>
      run(command, async ({ client, showRecord }) =>
        showRecord(await client.delete(`/v1/api-keys/${encodeURIComponent(id)}`)),
      ),
    );
}
