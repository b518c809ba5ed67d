/** `GET /v1/doctor`: everything that can be wrong with an installation, looked at by the server that runs. */

import { z } from 'zod';
import type { App } from './app.ts';
import { type Migration, readMigrations } from './db/migrate.ts';
import { type DoctorReport, examine, ok, type Question } from './doctor.ts';
import { catalogQuestion } from './doctor-catalog.ts';
import { databaseQuestions, storedKeysQuestion } from './doctor-database.ts';
import { stripeQuestions } from './doctor-stripe.ts';
import { addressQuestion, diskQuestions, keyQuestion, mailQuestions } from './doctor-surroundings.ts';
import type { Http } from './http/index.ts';
import { createKeyKeeper } from './modules/licenses/index.ts';
import { nodeCryptography } from './security/cryptography.ts';
import { redisQuestion, type SharedThings } from './server-redis.ts';

const status = z.enum(['ok', 'warning', 'failure']);

const report = z.object({
  object: z.literal('doctor'),
  status: status.describe('The worst of all checks.'),
  checked_at: z.string().describe('By the wall clock.'),
  checks: z.array(
    z.object({
      code: z.string().describe('A section of the troubleshooting page.'),
      status,
      detail: z.string(),
      next: z.string().nullable().describe('The next thing to do.'),
    }),
  ),
});

export function doctorRoute(http: Http, app: App, version: string, shared: SharedThings | null): void {
  // Those of the program that runs: the files may be a newer version's by the time somebody asks.
  const known = readMigrations();
  http.get(
    '/v1/doctor',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['Health'],
        summary: 'Look for what is wrong with this installation',
        description:
          'Asks the database, Stripe, the mail server and this server’s own address, makes and recognises a key of every product, and ' +
          'changes nothing. Always 200: what is wrong is in the answer.',
        response: { 200: report },
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store');
      const checked_at = app.clock.wall().toISOString();
      return { object: 'doctor' as const, checked_at, ...(await examineServer(app, { version, known, shared })) };
    },
  );
}

function examineServer(
  app: App,
  { version, known, shared }: { version: string; known: readonly Migration[]; shared: SharedThings | null },
): Promise<DoctorReport> {
  const { config, catalog, loaded, signing, vault, randomness, database, clock, publicUrl } = app;
  const keys = createKeyKeeper({
    catalog,
    keySecrets: loaded.keySecrets,
    signingSecrets: signing.signingSecrets,
    vault,
    cryptography: nodeCryptography,
  });
  const mode = config.mode === 'sandbox' ? 'in the sandbox' : 'with real payments';
  const server: Question = {
    code: 'server',
    next: 'npm start',
    ask: () => ok(`Latchkey ${version} runs ${mode}, on Node ${process.versions.node}.`),
  };
  return examine([
    server,
    catalogQuestion(config, catalog),
    keyQuestion(catalog, keys, randomness),
    storedKeysQuestion(database.connection, keys),
    ...databaseQuestions(database, { clock, mode: config.mode, known }),
    ...stripeQuestions(app),
    ...mailQuestions(config),
    addressQuestion(config, publicUrl.current),
    ...diskQuestions(config),
    redisQuestion(shared),
  ]);
}
