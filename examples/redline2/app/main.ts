/** Starts the program. LICENSE_SERVER_URL, HOST, PORT and IDLE_SECONDS say how; all may be left out. */

import { clientOptionsFrom } from '@latchkey/sdk/node';
import { createApp } from './app.ts';

const { HOST: host = '127.0.0.1', PORT: port = '8080', IDLE_SECONDS: idle = '300' } = process.env;
const latchkey = clientOptionsFrom(process.env);
const { app, close } = createApp({
  latchkey,
  idleMs: Number(idle) * 1_000,
  onProblem: (error) => console.error(error instanceof Error ? error.message : error),
});
const address = await app.listen({ host, port: Number(port) }).catch(async (error: Error) => {
  process.stderr.write(`The program could not start: ${error.message}\n`);
  await close();
  return process.exit(1);
});
process.stdout.write(`REDLINE2 is ready at ${address}; its time is counted at ${latchkey.url}.\n`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void close().then(() => process.exit(0)));
}
