import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { type StripeSandbox, startStripeSandbox } from './index.ts';

const USAGE = `Usage: npm run stripe -- [options]

  --port N             port to listen on (default 12111; 0 takes any free one)
  --host HOST          address to listen on (default 127.0.0.1)
  --state FILE         state file (default data/stripe-sandbox.sqlite; ':memory:' keeps nothing)
  --admin-token TOKEN  token of the control API (default: ADMIN_TOKEN, else a new one)
  --webhook-url URL    a webhook endpoint for every event (may be given several times)
  --public-url URL     base of the hosted pages' addresses
  --help               this text
`;

function readOptions() {
  return parseArgs({
    options: {
      port: { type: 'string', default: '12111' },
      host: { type: 'string', default: '127.0.0.1' },
      state: { type: 'string', default: 'data/stripe-sandbox.sqlite' },
      'admin-token': { type: 'string' },
      'webhook-url': { type: 'string', multiple: true, default: [] },
      'public-url': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  }).values;
}

type Endpoint = { url: string; secret: string };

async function call(sandbox: StripeSandbox, path: string, token: string, form?: URLSearchParams): Promise<unknown> {
  const response = await fetch(`${sandbox.url}${path}`, {
    headers: { authorization: `Bearer ${token}` },
    ...(form === undefined ? {} : { method: 'POST', body: form }),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** The endpoint of this address: the one that is there already, else a new one. Its secret stays the same over restarts. */
async function webhookEndpoint(sandbox: StripeSandbox, token: string, url: string): Promise<Endpoint> {
  const { data } = (await call(sandbox, '/_sandbox/webhook_endpoints', token)) as { data: Endpoint[] };
  const known = data.find((endpoint) => endpoint.url === url);
  if (known !== undefined) return known;
  const form = new URLSearchParams({ url, 'enabled_events[0]': '*' });
  return (await call(sandbox, '/v1/webhook_endpoints', 'sk_test_local', form)) as Endpoint;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${USAGE}`);
  process.exit(2);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  return fail(`--port must be a whole number from 0 to 65535, not ${text}.`);
}

async function main(): Promise<void> {
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions();
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  const port = parsePort(options.port);
  const given = options['admin-token'] ?? process.env.ADMIN_TOKEN;
  const adminToken = given === undefined || given === '' ? randomBytes(24).toString('base64url') : given;
  if (options.state !== ':memory:') mkdirSync(dirname(options.state), { recursive: true });
  const sandbox = await startStripeSandbox({
    port,
    host: options.host,
    stateFile: options.state,
    adminToken,
    log: (line) => process.stderr.write(`${line}\n`),
    ...(options['public-url'] === undefined ? {} : { publicUrl: options['public-url'] }),
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      sandbox.close().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
  const { hostname } = new URL(sandbox.url);
  say(`Local Stripe   ${sandbox.url}`);
  say(`Admin token    ${adminToken}`);
  say(`SDK            new Stripe('sk_test_local', { protocol: 'http', host: '${hostname}', port: ${sandbox.port} })`);
  for (const url of options['webhook-url']) {
    const { secret } = await webhookEndpoint(sandbox, adminToken, url);
    say(`Webhook        ${url}  (signing secret ${secret})`);
  }
  if (options['webhook-url'].length === 0)
    say('Webhook        none; start with --webhook-url http://127.0.0.1:PORT/your/path');
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
