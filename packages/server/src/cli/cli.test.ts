import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Host } from './host.ts';
import { runProgram } from './program.ts';

// What stands at the other end of the wire: answers what a test says, and remembers what it was asked.
interface Asked {
  method: string;
  path: string;
  authorization: string | undefined;
  body: unknown;
}
type Answer = { status?: number; body: unknown } | 'silence';

let asked: Asked[] = [];
let answer: Answer = { body: {} };
let server: Server;
let url: string;
let folder: string;
beforeEach(async () => {
  asked = [];
  answer = { body: {} };
  folder = mkdtempSync(join(tmpdir(), 'latchkey-cli-'));
  server = createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const sent = await text(request);
  const { method = '', url: path = '', headers } = request;
  asked.push({ method, path, authorization: headers.authorization, body: sent === '' ? undefined : JSON.parse(sent) });
  if (answer === 'silence') return;
  response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
  response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
}

/** Runs a command as a terminal would and gives what it printed and how it ended. */
async function latchkey(argv: readonly string[], change: Partial<Host> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const host: Host = {
    environment: { LATCHKEY_URL: url, ADMIN_TOKEN: 'the-admin-token' },
    directory: folder,
    color: false,
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    readInput: async () => '',
    startServer: async () => {},
    onInterrupt: () => () => {},
    ...change,
  };
  const exitCode = await runProgram(host, argv);
  return { exitCode, out: out.join('\n'), err: err.join('\n') };
}

const key = Array.from({ length: 16 }, (_, index) => index.toString(16).repeat(16)).join('-');
const accepted = { valid: true, code: 'VALID', detail: 'Valid.', because: [] };
const refused = {
  valid: false,
  code: 'EXPIRED',
  detail: 'Expired on Monday.',
  because: [
    { rule: 'holds', passed: true, detail: 'Nothing withholds access.' },
    { rule: 'term', passed: false, detail: 'Expired on Monday.' },
  ],
  license: { id: 'lic_1', product: 'p' },
};

describe('the proof of what is used', () => {
  const proof = { equal: true, hours: 3, repaired: 0, discrepancies: [], from: '2026-05-15T00:00:00.000Z' };
  const since = '2026-06-01T00:00:00.000Z';
  const prove = () => latchkey(['usage', 'prove', '--from', '2026-05-15', '--to', '2026-06-30']);

  it('says which hours could not be compared, because their events are gone', async () => {
    answer = { body: { ...proof, from: since, events_from: since } };
    const found = await prove();
    expect(found).toMatchObject({ exitCode: 0, out: expect.stringContaining(`Events before ${since} were dropped`) });
    for (const events_from of [null, '2026-05-01T00:00:00.000Z']) {
      answer = { body: { ...proof, events_from } };
      expect(await prove()).toMatchObject({ exitCode: 0, out: expect.not.stringContaining('dropped') });
    }
  });
});

describe('a comparison with Stripe', () => {
  const run = { id: 'rec_1', status: 'done', stage: 'dispute', checked: 12, found: 1, fixed: 0 };
  const difference = { type: 'invoice', id: 'in_1', problem: 'missing', fields: [], fixed: false };

  it('says what differs, how to mend it, and ends with 1; once all is mended with 0', async () => {
    answer = { body: { ...run, differences: [difference] } };
    const { exitCode, out } = await latchkey(['reconcile']);
    expect(exitCode).toBe(1);
    expect(out).toMatch(/12 objects compared, 1 differ, 0 mended[\s\S]*invoice +in_1 +missing[\s\S]*reconcile --fix/);
    answer = { body: { ...run, fixed: 1, differences: [{ ...difference, fixed: true }] } };
    expect((await latchkey(['reconcile', '--fix'])).exitCode).toBe(0);
  });
});

describe('a change of plan', () => {
  it('is shown with what it costs, line by line, and when', async () => {
    const lines = [
      { amount: -2450, description: 'Unused time' },
      { amount: 4950, description: 'Remaining time' },
    ];
    const change = { kind: 'upgrade', when: 'now', from: { plan: 'basic' }, to: { plan: 'pro' } };
    answer = {
      body: { change, lines, total: 2500, amount_due: 2500, currency: 'usd', because: 'Upgrades are made now.' },
    };
    const { exitCode, out } = await latchkey(['subscription', 'change', 'sub_1', 'pro', '--preview']);
    expect(exitCode).toBe(0);
    expect(out).toBe(
      [
        'Would be moved from basic to pro, now (upgrade).',
        '    -24.50 USD  Unused time',
        '     49.50 USD  Remaining time',
        '     25.00 USD  in all; charged at once: 25.00 USD',
        '  Upgrades are made now.',
      ].join('\n'),
    );
  });
});

describe('exit codes', () => {
  it('0 for a yes', async () => {
    answer = { body: accepted };
    expect((await latchkey(['license', 'validate', key])).exitCode).toBe(0);
  });

  it('1 for a no, with its reasons and the command that helps', async () => {
    answer = { body: refused };
    const { exitCode, out } = await latchkey(['license', 'validate', key]);
    expect(exitCode).toBe(1);
    expect(out).toContain('EXPIRED  Expired on Monday.');
    expect(out).toContain('ok  holds: Nothing withholds access.');
    expect(out).toContain('no  term: Expired on Monday.');
    expect(out).toContain('latchkey license renew lic_1');
  });

  it('1 for an error, with its code, detail, request id and what to do next', async () => {
    const problem = { code: 'resource_missing', detail: 'There is no licence lic_9.', request_id: 'req_7' };
    answer = { status: 404, body: problem };
    const { exitCode, out, err } = await latchkey(['license', 'show', 'lic_9']);
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
    for (const part of ['There is no licence lic_9.', 'resource_missing', 'req_7', 'latchkey license list']) {
      expect(err).toContain(part);
    }
  });

  it('1 for an error that no server of ours words', async () => {
    answer = { status: 502, body: '<html>Bad gateway</html>' };
    const { exitCode, err } = await latchkey(['stats']);
    expect(exitCode).toBe(1);
    expect(err).toContain('HTTP 502');
  });

  it('1 when nobody answers in time', async () => {
    answer = 'silence';
    const { exitCode, err } = await latchkey(['stats', '--timeout', '0.2']);
    expect(exitCode).toBe(1);
    expect(err).toContain('longer than 0.2 s');
  });

  it('1 when nobody is there, naming the address and how to start', async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const address = gone.address();
    const nowhere = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    await new Promise((resolve) => gone.close(resolve));
    const { exitCode, err } = await latchkey(['stats', '--url', nowhere]);
    expect(exitCode).toBe(1);
    expect(err).toContain(`${nowhere}: nothing listens there`);
    expect(err).toContain('npm start');
  });

  it.each([
    ['no command', []],
    ['a command that does not exist', ['frobnicate']],
    ['a group without its command', ['license']],
    ['an argument that is missing', ['license', 'validate']],
    ['an option that is missing', ['license', 'activate', key]],
    ['an option that does not exist', ['stats', '--frobnicate']],
    ['a time limit that is no number', ['stats', '--timeout', 'soon']],
    ['an address that is none', ['stats', '--url', 'localhost:4242']],
    ['a day that is none', ['license', 'renew', 'lic_1', '--until', 'tomorrow']],
    ['a span that is none', ['time', 'advance', '32']],
    ['a pair that is none', ['license', 'issue', '--product', 'p', '--metadata', 'seat']],
  ])('2 for %s, and the server is not asked', async (_name, argv) => {
    const { exitCode, err } = await latchkey(argv);
    expect(exitCode).toBe(2);
    expect(err).not.toBe('');
    expect(asked).toEqual([]);
  });
});

describe('where it asks, and as whom', () => {
  it('the options before the environment', async () => {
    const environment = { LATCHKEY_URL: 'http://127.0.0.1:9', ADMIN_TOKEN: 'another' };
    await latchkey(['stats', '--url', `${url}/`, '--token', 'given'], { environment });
    expect(asked[0]).toMatchObject({ path: '/v1/licenses/statistics', authorization: 'Bearer given' });
  });

  it('the port of the environment on this machine, and the token that a first start left in the data folder', async () => {
    writeFileSync(join(folder, 'secrets.json'), JSON.stringify({ adminToken: 'stored', rootSecret: 'x' }));
    const environment = { PORT: new URL(url).port, DATA_DIR: folder };
    await latchkey(['stats'], { environment });
    expect(asked[0]?.authorization).toBe('Bearer stored');
  });

  it('as nobody where there is no token', async () => {
    await latchkey(['catalog', 'show'], { environment: { LATCHKEY_URL: url } });
    expect(asked[0]).toMatchObject({ path: '/v1/products?limit=100', authorization: undefined });
  });
});

describe('what is sent', () => {
  it.each([
    [
      ['license', 'issue', '--product', 'p', '--email', 'a@b.c', '--metadata', 'a=1', '--metadata', 'b=x=y'],
      'POST /v1/licenses',
      { product: 'p', email: 'a@b.c', metadata: { a: '1', b: 'x=y' } },
    ],
    [
      ['license', 'issue', '--product', 'p', '--expires', 'never'],
      'POST /v1/licenses',
      { product: 'p', expires_at: null },
    ],
    [
      ['license', 'validate', 'k', '--machine', 'm', '--entitlement', 'a', '--entitlement', 'b'],
      'POST /v1/licenses/validate',
      { key: 'k', machine: { fingerprint: 'm' }, entitlements: ['a', 'b'] },
    ],
    [
      ['license', 'activate', 'k', '--machine', 'm', '--name', 'n'],
      'POST /v1/licenses/activate',
      { key: 'k', machine: { fingerprint: 'm', name: 'n' } },
    ],
    [['license', 'deactivate', 'k'], 'POST /v1/licenses/deactivate', { key: 'k' }],
    [
      ['license', 'renew', 'lic_1', '--until', '2027-01-31'],
      'POST /v1/licenses/lic_1/renew',
      { expires_at: '2027-01-31T00:00:00.000Z' },
    ],
    [['license', 'revoke', 'lic_1', '--reason', 'r'], 'POST /v1/licenses/lic_1/revoke', { reason: 'r' }],
    [['license', 'reinstate', '../x'], 'POST /v1/licenses/..%2Fx/reinstate', undefined],
    [['license', 'list', '--status', 'grace', '--limit', '5'], 'GET /v1/licenses?status=grace&limit=5', undefined],
    [
      ['subscription', 'cancel', 'sub_1', '--at-period-end'],
      'POST /v1/subscriptions/sub_1/cancel',
      { at_period_end: true },
    ],
    [
      ['subscription', 'change', 'sub_1', 'pro', '--quantity', '3', '--when', 'period_end', '--preview'],
      'POST /v1/subscriptions/sub_1/change',
      { plan: 'pro', preview: true, quantity: 3, when: 'period_end' },
    ],
    [['subscription', 'keep', 'sub_1'], 'POST /v1/subscriptions/sub_1/change/cancel', {}],
    [['subscription', 'resume', 'sub_1'], 'POST /v1/subscriptions/sub_1/resume', {}],
    [['subscription', 'cancel', 'sub_1'], 'POST /v1/subscriptions/sub_1/cancel', { at_period_end: false }],
    [['api-key', 'revoke', 'key_1'], 'DELETE /v1/api-keys/key_1', undefined],
    [['audit', 'list', '--subject', 'lic_1'], 'GET /v1/audit?subject_id=lic_1', undefined],
    [['inbox', 'replay', 'evt_1'], 'POST /v1/inbox/evt_1/replay', undefined],
    [['reconcile', '--fix'], 'POST /v1/reconciliations', { fix: true }],
    [['reactivation', 'list'], 'GET /v1/reactivations?status=pending', undefined],
    [
      ['reactivation', 'approve', 'rea_1', '--release', 'act_1', '--reason', 'r'],
      'POST /v1/reactivations/rea_1/approve',
      { release: 'act_1', reason: 'r' },
    ],
    [['time', 'advance', '32d', '2h 30m'], 'POST /sandbox/time/advance', { days: 32, hours: 2, minutes: 30 }],
    [
      ['api-key', 'create', 'ci', '--scope', 'licenses:read'],
      'POST /v1/api-keys',
      { name: 'ci', scopes: ['licenses:read'] },
    ],
  ] as const)('%j', async (argv, call, body) => {
    answer = { body: accepted };
    await latchkey(argv);
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([call]);
    expect(asked[0]?.body).toEqual(body);
  });

  it('the key from standard input for "-", so that nobody sees it on the command line', async () => {
    answer = { body: accepted };
    await latchkey(['license', 'validate', '-'], { readInput: async () => `${key}\n` });
    expect(asked[0]?.body).toEqual({ key });
  });
});

describe('what is shown', () => {
  it('a list as aligned columns, and how to go on', async () => {
    const data = [
      { id: 'lic_1', key_hint: 'abcd', product: 'long-product', status: 'active', machines_used: 1, max_machines: 10 },
      { id: 'lic_22', key_hint: 'ef01', product: 'p', status: 'revoked', machines_used: 0, max_machines: -1 },
    ];
    answer = { body: { data, has_more: true, next: 'cursor' } };
    const lines = (await latchkey(['license', 'list'])).out.split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^ID {6}KEY {4}PRODUCT/);
    const column = lines[0]?.indexOf('STATUS');
    expect(lines[1]?.indexOf('active')).toBe(column);
    expect(lines[2]?.indexOf('revoked')).toBe(column);
    expect(lines[3]).toBe('More: --after cursor');
  });

  it('a licence key masked, unless it is asked for; as JSON too', async () => {
    answer = { status: 201, body: { id: 'lic_1', key } };
    const argv = ['license', 'issue', '--product', 'p'];
    for (const more of [[], ['--json']]) {
      const { out } = await latchkey([...argv, ...more]);
      expect(out).toContain('lic_1');
      expect(out).not.toContain(key);
      expect(out).toContain('0000…ffff');
      expect((await latchkey([...argv, ...more, '--show-key'])).out).toContain(key);
    }
  });

  it('an API key whole, the one time it can be shown', async () => {
    answer = { status: 201, body: { id: 'key_1', key: 'lk_abcdefghijklmnopqrstuvwxyz' } };
    const { out } = await latchkey(['api-key', 'create', 'ci', '--scope', 'licenses:read']);
    expect(out).toContain('lk_abcdefghijklmnopqrstuvwxyz');
  });

  it('the raw answer with --json, wherever the option stands, for errors too', async () => {
    answer = { body: { data: [], has_more: false, next: null } };
    for (const argv of [
      ['--json', 'license', 'list'],
      ['license', 'list', '--json'],
    ]) {
      expect(JSON.parse((await latchkey(argv)).out)).toEqual({ data: [], has_more: false, next: null });
    }
    const problem = { code: 'forbidden', detail: 'No.' };
    answer = { status: 403, body: problem };
    const { out, exitCode } = await latchkey(['license', 'list', '--json']);
    expect({ problem: JSON.parse(out), exitCode }).toEqual({ problem, exitCode: 1 });
  });

  it('colours only where the terminal has them', async () => {
    answer = { body: accepted };
    const start = '\u001b';
    expect((await latchkey(['license', 'validate', key])).out).not.toContain(start);
    expect((await latchkey(['license', 'validate', key], { color: true })).out).toContain(start);
  });

  it('nothing that a customer wrote steers the terminal', async () => {
    answer = { body: { data: [{ id: 'lic_1', product: 'x\u001b[2Jy\nz' }], next: null } };
    const { out } = await latchkey(['license', 'list']);
    expect(out).not.toContain('\u001b');
    expect(out.split('\n')).toHaveLength(2);
  });

  it('help for the whole and for each command', async () => {
    const { exitCode, out } = await latchkey(['license', 'activate', '--help']);
    expect(exitCode).toBe(0);
    expect(out).toContain('--machine <fingerprint>');
    expect(out).toContain('--url <address>');
    expect((await latchkey(['--version'])).out).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe('a catalog is checked without a server', () => {
  const good = [
    'id: shop',
    'name: Shop',
    'key: { scheme: sha512-hmac, secret: "$' + '{env:SHOP_SECRET}" }',
    'plans:',
    '  - id: one',
    '    name: One',
    '    price: { amount: 2500, currency: usd, interval: month }',
  ].join('\n');

  it('and shown when it holds', async () => {
    writeFileSync(join(folder, 'catalog.yaml'), good);
    const { exitCode, out } = await latchkey(['catalog', 'check', 'catalog.yaml']);
    expect({ exitCode, asked }).toEqual({ exitCode: 0, asked: [] });
    expect(out).toContain('25.00 USD a month');
  });

  it('with exit 1 and the line of every problem when it does not', async () => {
    writeFileSync(join(folder, 'catalog.yaml'), good.replace('2500', '25.5').replace('month', 'moon'));
    const { exitCode, err } = await latchkey(['catalog', 'check', 'catalog.yaml']);
    expect(exitCode).toBe(1);
    expect(err.match(/^catalog\.yaml:7:\d+ /gm)).toHaveLength(2);
    const json = await latchkey(['catalog', 'check', 'catalog.yaml', '--json']);
    expect(JSON.parse(json.out)).toMatchObject({ valid: false, problems: [{ line: 7 }, { line: 7 }] });
  });

  it('and its secrets too, where that is asked for', async () => {
    writeFileSync(join(folder, 'catalog.yaml'), good);
    const argv = ['catalog', 'check', 'catalog.yaml', '--with-secrets'];
    const { exitCode, err } = await latchkey(argv);
    expect(exitCode).toBe(1);
    expect(err).toContain('SHOP_SECRET');
    const environment = { SHOP_SECRET: 'f'.repeat(64) };
    expect((await latchkey(argv, { environment })).exitCode).toBe(0);
  });
});

describe('a database is brought to this version', () => {
  it('once, and then there is nothing to do', async () => {
    const environment = { DATA_DIR: folder };
    const first = await latchkey(['migrate', '--json'], { environment });
    expect(first.exitCode).toBe(0);
    expect(JSON.parse(first.out).applied).not.toEqual([]);
    const second = await latchkey(['migrate'], { environment });
    expect(second).toMatchObject({ exitCode: 0, out: expect.stringContaining('Nothing to do') });
  });

  it('not with an environment that cannot be used, which is named', async () => {
    const { exitCode, err } = await latchkey(['migrate'], { environment: { DATABASE_URL: 'mysql://x/y' } });
    expect(exitCode).toBe(1);
    expect(err).toContain('DATABASE_URL');
  });
});
