/**
 * A small server that runs on one licence: it activates itself at its start, looks again every hour, and answers only while it may.
 *
 *   LICENSE_KEY=… npx node examples/infinite-server26/server.ts
 *
 * LICENSE_SERVER_URL says where Latchkey runs; APP_PORT where this listens; CHECK_INTERVAL how often it looks, in seconds.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient, isOutage } from '@latchkey/sdk';
import { clientOptionsFrom, machineIdentity } from '@latchkey/sdk/node';

const product = 'infinite-server26';
/** While Latchkey cannot be reached, what it said last stands for so long. */
const OUTAGE_MS = 3 * 24 * 3_600_000;

const { LICENSE_KEY: key = '', APP_PORT = '5000', CHECK_INTERVAL = '3600' } = process.env;
const say = (line: string) => process.stdout.write(`${line}\n`);

function stop(why: string): never {
  console.error(why);
  process.exit(1);
}

if (key === '') stop('Set LICENSE_KEY to the key that came by mail.');
const { url } = clientOptionsFrom(process.env);
const client = createClient({ url });
const { fingerprint, components } = await machineIdentity({
  salt: product,
  fallbackFile: 'data/infinite-server26.machine',
});
const machine = { fingerprint, components };

const activation = await client.licenses.activate({ key, product, machine }).catch((error: unknown) => {
  stop(isOutage(error) ? `Latchkey cannot be reached at ${url}.` : String(error));
});
if (!activation.valid) stop(`Not licensed: ${activation.detail} (${activation.code})`);
say(`Licensed for this server until ${activation.license?.expires_at ?? 'further notice'}.`);

let standing: { valid: boolean; code: string; detail: string } = activation;
let answeredAt = Date.now();

async function look(): Promise<void> {
  try {
    const { valid, code, detail } = await client.licenses.validate({ key, product, machine });
    if (code !== standing.code) say(`${code}: ${detail}`);
    standing = { valid, code, detail };
    answeredAt = Date.now();
  } catch (error) {
    if (!isOutage(error)) throw error;
    if (Date.now() - answeredAt > OUTAGE_MS)
      standing = { valid: false, code: 'UNREACHABLE', detail: `No answer from ${url}.` };
  }
}

const timer = setInterval(() => void look(), Number(CHECK_INTERVAL) * 1_000);
const app = createServer((_request, response) => {
  const { valid, code, detail } = standing;
  response.writeHead(valid ? 200 : 402, { 'content-type': 'application/json' });
  response.end(JSON.stringify(valid ? { product, licensed: true, code } : { product, licensed: false, code, detail }));
});
app.listen(Number(APP_PORT), '127.0.0.1', () => {
  say(`Infinite Server26 at http://127.0.0.1:${(app.address() as AddressInfo).port}`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    clearInterval(timer);
    app.close();
    // The licence is free for another server once this one has gone for good.
    if (process.env.RELEASE_ON_EXIT !== 'true') return;
    void client.licenses.deactivate({ key, machine: { fingerprint } }).catch(() => {});
  });
}
