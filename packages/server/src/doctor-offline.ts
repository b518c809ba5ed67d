/** What can be looked at while no server answers: enough to say why it does not start, and what remains unseen. */

import { type Config, ConfigError, parseConfig } from './config/config.ts';
import { readMigrations } from './db/migrate.ts';
import { openDatabase } from './db/open.ts';
import { type DoctorReport, examine, type Finding, failure, ok, type Question, reasonOf, warning } from './doctor.ts';
import { catalogQuestion } from './doctor-catalog.ts';
import { databaseQuestions } from './doctor-database.ts';
import { accountFinding } from './doctor-stripe.ts';
import { diskQuestions, mailQuestions } from './doctor-surroundings.ts';
import { silentLog } from './observability/log.ts';
import { createStripeClient } from './stripe/client/index.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Looks at the environment that a server would start with. `unreachable` says why the server could not be asked. Changes nothing. */
export async function examineOffline(environment: Environment, unreachable: string): Promise<DoctorReport> {
  const server: Question = {
    code: 'server',
    next: 'npm start',
    ask: () => failure(unreachable, 'Start it with npm start, or name another with --url or LATCHKEY_URL.'),
  };
  try {
    return await examineConfig(parseConfig(environment), server);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const wrong = error.problems.map(({ variable, remedy }) => failure(variable, remedy));
    return examine([server, { code: 'environment', next: 'Correct it, and start again.', ask: () => wrong }]);
  }
}

async function examineConfig(config: Config, server: Question): Promise<DoctorReport> {
  const wall = () => new Date();
  const { databaseUrl } = config;
  const database = databaseUrl === null ? null : await openDatabase({ databaseUrl, dataDir: null, log: silentLog });
  try {
    return await examine([
      server,
      { code: 'environment', next: 'Correct it.', ask: () => ok('Every variable can be used as it is.') },
      catalogQuestion(config),
      ...(database === null
        ? [embedded(config)]
        : databaseQuestions(database, { clock: { wall }, mode: config.mode, known: readMigrations() })),
      stripeKey(config),
      ...mailQuestions(config),
      ...diskQuestions(config),
      { code: 'unseen', next: 'npm start', ask: unseen },
    ]);
  } finally {
    await database?.close();
  }
}

function embedded({ dataDir }: Config): Question {
  const next = 'Start the server, and run this again.';
  return { code: 'database', next, ask: () => warning(`The embedded database in ${dataDir} was not opened.`, next) };
}

function stripeKey({ stripe, mode }: Config): Question {
  const { secretKey, apiUrl } = stripe;
  return {
    code: 'stripe_key',
    next: 'See https://status.stripe.com.',
    ask(): Finding | Promise<Finding> {
      if (mode === 'sandbox') return ok('In the sandbox the local Stripe starts with the server.');
      if (secretKey === null) {
        return warning('STRIPE_SECRET_KEY is not set: nothing can be bought.', 'Set STRIPE_SECRET_KEY.');
      }
      try {
        return accountFinding(createStripeClient({ secretKey, apiUrl, log: silentLog }), { secretKey, stamped: null });
      } catch (error) {
        return failure(reasonOf(error), 'Correct STRIPE_SECRET_KEY and STRIPE_API_URL.');
      }
    },
  };
}

function unseen(): Finding {
  const what = 'the webhook endpoint and what came through it, prices, stored keys, the public address';
  return warning(`Not looked at without a server: ${what}.`, 'Start the server, and run this again.');
}
