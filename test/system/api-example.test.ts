import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, COSTS, createApi } from '../../examples/investment-system/app/app.ts';
import { loadExampleCatalog } from '../../packages/server/test/support/licensing.ts';
import { startProcess } from '../support/processes.ts';
import { ADMIN_TOKEN, createRunningServer, type RunningServer } from '../support/running-server.ts';

const JWT_SECRET = 'the secret that signs the users of the example';
const PRODUCT = 'investment-system';

let folder: string;
let server: RunningServer;
let apis: Api[] = [];
let spools = 0;

const ENGINES = process.env.LATCHKEY_TEST_LONG === '1' ? (['pglite', 'postgres'] as const) : (['pglite'] as const);

/** The example, listening, with a spool of its own unless one is named. */
async function start(spool = `spool-${++spools}`) {
  const api = await createApi({
    latchkey: { url: server.base, token: ADMIN_TOKEN },
    spoolDirectory: join(folder, spool),
    today: () => new Date('2026-03-01T12:00:00Z'),
  });
  apis.push(api);
  const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
  return {
    api,
    get: (path: string, headers: Record<string, string> = {}) => fetch(`${address}${path}`, { headers }),
    async close() {
      apis = apis.filter((one) => one !== api);
      await api.close();
    },
  };
}

/** A licence of the free tier: 100 calls, none beyond. */
async function freeLicense(): Promise<string> {
  const issued = await server.call('POST', '/v1/licenses', { product: PRODUCT, plan: 'free' });
  return issued?.body.key;
}

/** A user's token, as the program beside the example makes it. */
async function userToken(user: string): Promise<string> {
  const file = 'examples/investment-system/user-token.ts';
  const program = startProcess({ file, args: [user], env: { JWT_SECRET } });
  await program.exited;
  return program.output().trim();
}

async function used(key: string): Promise<number> {
  const answer = await server.call('GET', `/v1/usage/limits?meter=calls&license_key=${key}`);
  return answer?.body.data[0].used;
}

describe.each(ENGINES)('the API of the example, counted on %s', (engine) => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-api-example-'));
    server = await createRunningServer({ engine, dataDir: join(folder, 'data'), env: { JWT_SECRET } });
    await server.start();
  });
  afterAll(async () => {
    await Promise.all(apis.map((api) => api.close()));
    apis = [];
    if (server?.isRunning()) await server.stop();
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('costs what the catalog says of each route [V3]', async () => {
    const { catalog } = await loadExampleCatalog();
    const meter = catalog.products.find(({ id }) => id === PRODUCT)?.meters.find(({ id }) => id === 'calls');
    const costs = (meter?.endpointCosts ?? []).map(({ method, route, units }) => [`${method} ${route}`, units]);
    expect(Object.entries(COSTS)).toEqual(costs);
  });

  it('answers signals, a CSV and a PDF, and counts 1, 2, 3 and 5 units, and none for what it could not answer [V3]', async () => {
    const { get, close } = await start();
    const key = await freeLicense();
    const headers = { 'x-license-key': key };
    const signals = await get('/signals', headers);
    expect(signals.headers.get('x-usage-limit')).toBe('100');
    expect((await signals.json()).signals[0]).toMatchObject({ symbol: 'AAPL', date: '2026-03-01' });
    const history = await (await get('/signals/history/msft', headers)).json();
    expect(history).toMatchObject({ symbol: 'MSFT' });
    expect(history.history).toHaveLength(30);
    const csv = await get('/export/csv', headers);
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const lines = (await csv.text()).split('\r\n');
    expect(lines[0]).toBe('symbol,date,signal,strength,price');
    expect(lines).toHaveLength(10);
    const pdf = await get(`/export/pdf?license_key=${key}`);
    expect(pdf.headers.get('content-type')).toBe('application/pdf');
    expectPdf(Buffer.from(await pdf.arrayBuffer()));
    expect((await get('/signals/history/NONE', headers)).status).toBe(404);
    await close();
    expect(await used(key)).toBe(1 + 2 + 3 + 5);
  });

  it('knows its callers by key or by the token of their account, and nobody else [V3]', async () => {
    const { get, close } = await start();
    const headers = { authorization: `Bearer ${await userToken('ann')}` };
    expect((await get('/export/csv', headers)).status).toBe(200);
    for (const wrong of [{}, { 'x-license-key': 'INV-NONE' }, { authorization: 'Bearer nobody' }]) {
      const refused = await get('/signals', wrong as Record<string, string>);
      expect(refused.status).toBe(401);
      expect(await refused.json()).toMatchObject({ error: expect.any(String), code: 'unauthorized' });
    }
    await close();
    const status = await fetch(`${server.base}/billing/status`, { headers });
    expect((await status.json()).usage).toMatchObject({
      current: 3,
      included: 100,
      remaining: 97,
      usage_percentage: 3,
    });
  });

  it('admits exactly 100 of 200 requests at once where 100 units are left and none beyond [V7]', async () => {
    const { get, close } = await start();
    const key = await freeLicense();
    const answers = await Promise.all(Array.from({ length: 200 }, () => get('/signals', { 'x-license-key': key })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(100);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(100);
    const [one] = refused;
    expect(await one?.json()).toMatchObject({ error: expect.any(String), code: 'limit_reached', remaining: 0 });
    expect(one?.headers.get('x-usage-limit')).toBe('100');
    expect(one?.headers.get('x-usage-used')).toBe('100');
    expect(one?.headers.get('x-usage-remaining')).toBe('0');
    expect(one?.headers.get('ratelimit-policy')).toBe('"calls";q=100');
    expect(one?.headers.get('ratelimit')).toMatch(/^"calls";r=0;t=\d+$/);
    expect(Number(one?.headers.get('retry-after'))).toBeGreaterThan(0);
    await close();
    expect(await used(key)).toBe(100);
  });

  it('goes on while Latchkey is away, through an end of its own, and catches up: nothing lost, nothing twice [V3]', async () => {
    const key = await freeLicense();
    const headers = { 'x-license-key': key };
    const first = await start('away');
    expect((await first.get('/signals', headers)).status).toBe(200);
    await server.stop();
    const away = await Promise.all([
      ...Array.from({ length: 20 }, () => first.get('/signals', headers)),
      ...Array.from({ length: 30 }, () => first.get('/export/pdf', headers)),
    ]);
    expect(away.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
    await first.close();
    const second = await start('away');
    expect(second.api.waiting).toBe(50);
    expect((await second.get('/signals', headers)).status).toBe(200);
    await server.start();
    while (!(await second.api.flush()));
    await second.close();
    const third = await start('away');
    expect(third.api.waiting).toBe(0);
    // More than is included: what happened is counted, and whoever asks now is refused.
    expect(await used(key)).toBe(1 + 20 + 150 + 1);
    expect((await third.get('/signals', headers)).status).toBe(429);
    await third.close();
  });

  it('starts by its one command, and says where it is', async () => {
    const program = startProcess({
      file: 'examples/investment-system/app/main.ts',
      env: { PORT: '0', LICENSE_SERVER_URL: server.base, USAGE_DIR: join(folder, 'of-the-program') },
    });
    const [, address] = await program.waitForLine(/is ready at (\S+);/);
    const refused = await fetch(`${address}/signals`);
    expect(refused.status).toBe(401);
    expect((await fetch(`${address}/signals`, { headers: { 'x-license-key': await freeLicense() } })).status).toBe(200);
    expect((await program.stop()).code).toBe(0);
  });
});

/** That every object is where the file says, and the streams are as long as they say. */
function expectPdf(file: Buffer): void {
  const text = file.toString('latin1');
  expect(text.startsWith('%PDF-1.4\n')).toBe(true);
  expect(text.endsWith('%%EOF\n')).toBe(true);
  const table = Number(/startxref\n(\d+)\n/.exec(text)?.[1]);
  const [, size = '', entries = ''] = /^xref\n0 (\d+)\n([\s\S]*?)trailer/.exec(text.slice(table)) ?? [];
  const offsets = entries.match(/^\d{10} 00000 n $/gm) ?? [];
  expect(offsets).toHaveLength(Number(size) - 1);
  offsets.forEach((entry, index) => {
    expect(text.slice(Number(entry.slice(0, 10))).startsWith(`${index + 1} 0 obj\n`)).toBe(true);
  });
  for (const [, length, stream] of text.matchAll(/\/Length (\d+) >>\nstream\n([\s\S]*?)\nendstream/g)) {
    expect(stream).toHaveLength(Number(length));
  }
  expect(text).toContain('(AAPL)');
}
