import type { Command } from 'commander';
import type { Run } from '../session.ts';
import { instantOption } from './values.ts';

/** What the vendor does with a licence, by its id. */
export function addLicenseStateCommands(license: Command, run: Run): void {
  license
    .command('show <id>')
    .description('show one with its holds and machines')
    .action((id: string, _options: unknown, command: Command) =>
      run(command, async ({ client, showRecord }) => showRecord(await client.get(pathOf(id)))),
    );
  license
    .command('renew <id>')
    .description('extend one by its plan’s term, or until a given day')
    .option('--until <instant>', 'a day or an instant', instantOption)
    .action((id: string, options: { until?: string }, command: Command) =>
      run(command, async ({ client, showRecord }) =>
        showRecord(await client.post(`${pathOf(id)}/renew`, { expires_at: options.until })),
      ),
    );
  for (const [verb, description] of [
    ['suspend', 'withhold one until it is reinstated'],
    ['revoke', 'take one back'],
  ] as const) {
    license
      .command(`${verb} <id>`)
      .description(description)
      .option('--reason <text>', 'what its holder is told')
      .action((id: string, options: { reason?: string }, command: Command) =>
        run(command, async ({ client, showRecord }) =>
          showRecord(await client.post(`${pathOf(id)}/${verb}`, { reason: options.reason })),
        ),
      );
  }
  license
    .command('reinstate <id>')
    .description('lift what the vendor imposed; what payment or cancellation took stays taken')
    .action((id: string, _options: unknown, command: Command) =>
      run(command, async ({ client, showRecord }) => showRecord(await client.post(`${pathOf(id)}/reinstate`))),
    );
}

function pathOf(id: string): string {
  return `/v1/licenses/${encodeURIComponent(id)}`;
}
