import type { Command } from 'commander';
import type { Host } from '../host.ts';
import type { Run } from '../session.ts';

export function addMigrateCommand(program: Command, run: Run, host: Host): void {
  program
    .command('migrate')
    .description('bring the database of DATABASE_URL or DATA_DIR to this version’s tables; start does so too')
    .action((_options: unknown, command: Command) =>
      run(command, async ({ show }) => {
        // The engines of databases are much to read for the many commands that only ask a server.
        const { migrateDatabase } = await import('../../migrate-database.ts');
        const report = await migrateDatabase(host.environment, (line) => host.err(line));
        return show(report, () =>
          report.applied.length === 0
            ? [`Nothing to do: the database is at ${report.current}.`]
            : [...report.applied.map((name) => `applied ${name}`), `The database is at ${report.current}.`],
        );
      }),
    );
}
