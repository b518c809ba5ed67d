import type { Command } from 'commander';
import type { Run } from '../session.ts';
import { collect, keyArgument } from './values.ts';

interface ValidateOptions {
  product?: string;
  machine?: string;
  entitlement?: string[];
}

/** What whoever holds a key can do: a no is exit code 1, with its reasons. */
export function addLicenseKeyCommands(license: Command, run: Run): void {
  license
    .command('validate <key>')
    .description('may it run? ("-" reads the key from standard input)')
    .option('--product <id>', 'refuse a key of another product')
    .option('--machine <fingerprint>', 'on this machine')
    .option('--entitlement <id>', 'with this feature; may be repeated', collect)
    .action((key: string, options: ValidateOptions, command: Command) =>
      run(command, async ({ client, host, showDecision }) =>
        showDecision(
          await client.post('/v1/licenses/validate', {
            key: await keyArgument(host, key),
            product: options.product,
            machine: options.machine === undefined ? undefined : { fingerprint: options.machine },
            entitlements: options.entitlement,
          }),
        ),
      ),
    );
  license
    .command('activate <key>')
    .description('take a seat for a machine')
    .requiredOption('--machine <fingerprint>')
    .option('--name <name>', 'what people call the machine')
    .option('--product <id>', 'refuse a key of another product')
    .action((key: string, options: { machine: string; name?: string; product?: string }, command: Command) =>
      run(command, async ({ client, host, showDecision }) =>
        showDecision(
          await client.post('/v1/licenses/activate', {
            key: await keyArgument(host, key),
            machine: { fingerprint: options.machine, name: options.name },
            product: options.product,
          }),
        ),
      ),
    );
  license
    .command('deactivate <key>')
    .description('give a machine’s seat back; all seats where no machine is named')
    .option('--machine <fingerprint>')
    .action((key: string, options: { machine?: string }, command: Command) =>
      run(command, async ({ client, host, showDecision }) =>
        showDecision(
          await client.post('/v1/licenses/deactivate', {
            key: await keyArgument(host, key),
            machine: options.machine === undefined ? undefined : { fingerprint: options.machine },
          }),
        ),
      ),
    );
}
