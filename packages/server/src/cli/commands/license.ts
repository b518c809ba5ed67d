import type { Command } from 'commander';
import type { Run } from '../session.ts';
import type { Column } from '../table.ts';
import { addLicenseBulkCommand } from './license-bulk.ts';
import { addLicenseExportCommand } from './license-export.ts';
import { addLicenseImportCommand } from './license-import.ts';
import { addLicenseKeyCommands } from './license-key.ts';
import { addLicenseStateCommands } from './license-state.ts';
import { addPageOptions, type PageOptions } from './paging.ts';
import { collectPairs, expiryOption } from './values.ts';

const COLUMNS: readonly Column[] = [
  { title: 'id', value: 'id' },
  { title: 'key', value: (row) => `…${(row as { key_hint?: string }).key_hint ?? ''}` },
  { title: 'product', value: 'product' },
  { title: 'plan', value: 'plan' },
  { title: 'status', value: 'status' },
  { title: 'machines', value: 'machines_used', align: 'right' },
  { title: 'of', value: 'max_machines', align: 'right' },
  { title: 'expires', value: 'expires_at' },
  { title: 'customer', value: 'customer_id' },
];

interface IssueOptions {
  product: string;
  plan?: string;
  email?: string;
  customer?: string;
  expires?: string;
  metadata?: Record<string, string>;
}

interface ListOptions extends PageOptions {
  status?: string;
  product?: string;
  customer?: string;
  email?: string;
}

export function addLicenseCommands(program: Command, run: Run): void {
  const license = program.command('license').description('licences and their keys');
  addIssue(license, run);
  addLicenseKeyCommands(license, run);
  addLicenseStateCommands(license, run);
  addLicenseBulkCommand(license, run);
  addLicenseImportCommand(license, run);
  addLicenseExportCommand(license, run);
  addPageOptions(license.command('list'))
    .description('list them, newest first')
    .option('--status <status>', 'active, grace, expired, suspended, revoked or not_started')
    .option('--product <id>')
    .option('--customer <id>')
    .option('--email <address>')
    .action((options: ListOptions, command: Command) =>
      run(command, async ({ client, showList }) => showList(await client.get('/v1/licenses', { ...options }), COLUMNS)),
    );
}

function addIssue(license: Command, run: Run): void {
  license
    .command('issue')
    .description('issue one without a payment; --show-key prints the key')
    .requiredOption('--product <id>')
    .option('--plan <id>', 'where the product has several')
    .option('--email <address>', 'whose it is')
    .option('--customer <id>', 'whose it is')
    .option('--expires <instant>', 'a day, an instant or "never"; otherwise the plan’s own term', expiryOption)
    .option('--metadata <name=value>', 'may be repeated', collectPairs)
    .action((options: IssueOptions, command: Command) =>
      run(command, async ({ client, host, showKey, showRecord }) => {
        const { product, plan, email, customer, expires, metadata } = options;
        const answer = await client.post('/v1/licenses', {
          product,
          plan,
          email,
          customer_id: customer,
          expires_at: expires === 'never' ? null : expires,
          metadata,
        });
        const exitCode = showRecord(answer);
        if (!showKey) host.err('The key is masked; it is printed only with --show-key, and only by this command.');
        return exitCode;
      }),
    );
}
