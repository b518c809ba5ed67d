import type { Command } from 'commander';
import type { Run } from '../session.ts';
import { formatRecord } from '../table.ts';

export function addStatsCommand(program: Command, run: Run): void {
  program
    .command('stats')
    .description('totals of licences and subscriptions, and what comes in each month')
    .option('--product <id>')
    .action((options: { product?: string }, command: Command) =>
      run(command, async ({ client, show, style }) => {
        const query = { product: options.product };
        const licenses = await client.get('/v1/licenses/statistics', query);
        const subscriptions = await client.get('/v1/subscriptions/statistics', query);
        return show({ licenses, subscriptions }, () => [
          style.strong('Licences'),
          ...formatRecord(licenses),
          '',
          style.strong('Subscriptions'),
          ...formatRecord(subscriptions),
        ]);
      }),
    );
}
