import type { Command } from 'commander';
import { migrateDatabase } from '../../migrate-database.ts';
import type { Host } from '../host.ts';
import type { Run } from '../session.ts';

export function addMigrateCommand(program: Command, run: Run, host: Host): void {
  program
    .command('migrate')
    .description('bring the database of DATABASE_URL or DATA_DIR to this version’s tables; start does so too')
    .action((_options: unknown, command: Command) =>
      run(command, async ({ show }) => {
        const report = await migrateDatabase(host.environment, (line) => host.err(line));
        return show(report, () =>
          report.applied.length === 0
            ? [`Nothing to do: the database is at ${report.current}.`]
            : [...report.applied.map((name) => `applied ${name}`), `The database is at ${report.current}.`],
        );
      }),
    );
}
