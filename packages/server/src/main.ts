/** `latchkey start`: reads the environment, starts the server, says where it is, and ends it in order. */

import { CatalogError } from './catalog/problem.ts';
import { type Config, ConfigError, parseConfig } from './config/config.ts';
import { type Server, startServer } from './server.ts';

/** Whatever has not ended by then is left behind: whoever asked us to stop will not wait longer. */
const STOP_WITHIN_MS = 9_500;

async function main(): Promise<void> {
  const { server, config } = await start();
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
    server.close().then(
      () => process.exit(0),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  // Not before it can be stopped in order: whoever waits for these lines may do so at once.
  process.stdout.write(`${banner(server, config).join('\n')}\n`);
}

async function start(): Promise<{ server: Server; config: Config }> {
  try {
    const config = parseConfig(process.env);
    return { server: await startServer(config, { isPretty: process.stdout.isTTY === true }), config };
  } catch (error) {
    // These say themselves what to do; a stack would only bury it.
    const explains = error instanceof ConfigError || error instanceof CatalogError;
    console.error(explains ? error.message : error);
    process.exit(1);
  }
}

function banner({ app, url }: Server, config: Config): string[] {
  const { adminToken, localStripe, publicUrl, firstRun, database } = app;
  const address = publicUrl.current;
  const where = config.adminToken !== null ? 'from ADMIN_TOKEN' : `in ${firstRun.file}`;
  return [
    '',
    `Latchkey is ready: ${address}${address === url ? '' : ` (listening on ${url})`}`,
    `  What is here      ${address}/`,
    `  API reference     ${address}/docs`,
    `  Health            ${address}/health`,
    ...(localStripe === null
      ? []
      : [`  Local Stripe      ${localStripe.url}`, `  Sandbox mailbox   ${address}/sandbox/mailbox`]),
    `  Database          ${database.engine === 'pglite' ? `embedded, in ${config.dataDir}` : 'PostgreSQL'}`,
    adminToken.isNew
      ? `  Admin token       ${adminToken.token}   (shown this once; kept ${where})`
      : `  Admin token       ${where}`,
    '',
  ];
}

await main();
