/** Starts the API. LICENSE_SERVER_URL, LATCHKEY_API_KEY, HOST, PORT and USAGE_DIR say how; all may be left out. */

import { clientOptionsFrom } from '@latchkey/sdk/node';
import { createApi } from './app.ts';

const {
  HOST: host = '127.0.0.1',
  PORT: port = '4300',
  USAGE_DIR: spoolDirectory = 'data/investment-system-usage',
} = process.env;
const latchkey = clientOptionsFrom(process.env);
const api = await createApi({
  latchkey,
  spoolDirectory,
  onProblem: (error) => console.error(error instanceof Error ? error.message : error),
});
const address = await api.app.listen({ host, port: Number(port) }).catch(async (error: Error) => {
  process.stderr.write(`The API could not start: ${error.message}\n`);
  await api.close();
  return process.exit(1);
});
process.stdout.write(`The API of Investment System is ready at ${address}; it counts at ${latchkey.url}.\n`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void api.close().then(() => process.exit(0)));
}
