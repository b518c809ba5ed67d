import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { z } from 'zod';
import { addAdminCommands } from './commands/admin.ts';
import { addApiKeyCommands } from './commands/api-key.ts';
import { addAuditCommands } from './commands/audit.ts';
import { addCatalogCommands } from './commands/catalog.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addGoLiveCommand } from './commands/golive.ts';
import { addInboxCommands } from './commands/inbox.ts';
import { addLicenseCommands } from './commands/license.ts';
import { addMigrateCommand } from './commands/migrate.ts';
import { addReactivationCommands } from './commands/reactivation.ts';
import { addReconcileCommand } from './commands/reconcile.ts';
import { addSigningKeyCommands } from './commands/signing-keys.ts';
import { addStartCommand } from './commands/start.ts';
import { addStatsCommand } from './commands/stats.ts';
import { addStoryCommand } from './commands/story.ts';
import { addSubscriptionCommands } from './commands/subscription.ts';
import { addTimeCommands } from './commands/time.ts';
import { addUsageCommands } from './commands/usage.ts';
import type { GlobalOptions } from './connection.ts';
import { report } from './failure.ts';
import { EXIT, type ExitCode, type Host } from './host.ts';
import { openSession, type Run } from './session.ts';

const AFTER_HELP = `
Every command but start, migrate, catalog check and story asks a running server: at --url, LATCHKEY_URL or
http://127.0.0.1:$PORT, with the admin token of --token, ADMIN_TOKEN or the data folder. doctor does without one, too.
Exit codes: 0 done, 1 the answer was no or an error, 2 the command was misused.`;

const VERSION = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))).version;

/** Runs one command. Never throws: the result is the exit code. */
export async function runProgram(host: Host, argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  const program = new Command('latchkey');
  const run: Run = async (command, work) => {
    exitCode = await work(openSession(host, command.optsWithGlobals<GlobalOptions>()));
  };
  program
    .description('Turns a Stripe payment into unlocked software: the command line of a Latchkey server.')
    .version(VERSION, '--version')
    .option('--url <address>', 'the server')
    .option('--token <token>', 'the admin token or an API key')
    .option('--timeout <seconds>', 'how long to wait for an answer')
    .option('--json', 'print the answer as JSON')
    .option('--show-key', 'print licence keys in clear')
    .addHelpText('after', AFTER_HELP)
    .configureHelp({ showGlobalOptions: true })
    // Before any command is added: they take these settings over.
    .configureOutput({ writeOut: (text) => host.out(text.trimEnd()), writeErr: (text) => host.err(text.trimEnd()) })
    .showHelpAfterError('(latchkey help shows the commands)')
    .exitOverride();
  for (const add of COMMANDS) add(program, run, host);
  try {
    if (argv.length === 0) {
      host.err(program.helpInformation().trimEnd());
      return EXIT.misused;
    }
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(host, error, argv.includes('--json'));
  }
}

const COMMANDS: readonly ((program: Command, run: Run, host: Host) => void)[] = [
  addStartCommand,
  addMigrateCommand,
  addCatalogCommands,
  addLicenseCommands,
  addSubscriptionCommands,
  addUsageCommands,
  addStatsCommand,
  addInboxCommands,
  addReconcileCommand,
  addGoLiveCommand,
  addDoctorCommand,
  addReactivationCommands,
  addTimeCommands,
  addApiKeyCommands,
  addAdminCommands,
  addSigningKeyCommands,
  addAuditCommands,
  addStoryCommand,
];
