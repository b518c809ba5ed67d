/** Starts the front end. LICENSE_SERVER_URL, LATCHKEY_API_KEY, HOST and PORT say how; only the API key has to be there. */

import type { AddressInfo } from 'node:net';
import { clientOptionsFrom } from '@latchkey/sdk/node';
import { createBackEnd } from './server.ts';

const { HOST: host = '127.0.0.1', PORT: port = '5173' } = process.env;
const latchkey = clientOptionsFrom(process.env);
if (latchkey.token === undefined) {
  process.stderr.write('Set LATCHKEY_API_KEY to an API key with the scope licenses:write, or to the admin token.\n');
  process.exit(1);
}
const backEnd = createBackEnd({ latchkey });
backEnd.once('error', (error) => {
  process.stderr.write(`The front end could not start: ${error.message}\n`);
  process.exit(1);
});
backEnd.listen(Number(port), host, () => {
  const { port: listening } = backEnd.address() as AddressInfo;
  process.stdout.write(
    `Quantum Falcon is ready at http://localhost:${listening}; its keys are made at ${latchkey.url}.\n`,
  );
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    backEnd.close(() => process.exit(0));
    backEnd.closeAllConnections();
  });
}
