import type { Command } from 'commander';
import { EXIT, type Host } from '../host.ts';
import type { Run } from '../session.ts';

export function addStartCommand(program: Command, run: Run, host: Host): void {
  program
    .command('start')
    .description('start the server in this process, as npm start does')
    .action((_options: unknown, command: Command) =>
      run(command, async () => {
        await host.startServer();
        return EXIT.done;
      }),
    );
}
