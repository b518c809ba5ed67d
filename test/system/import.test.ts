import { createHash, createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatCsv } from '../../packages/server/src/http/csv.ts';
import { startProcess, type TestProcess } from '../support/processes.ts';
import { ADMIN_TOKEN, createRunningServer, MASTER_SECRET, type RunningServer } from '../support/running-server.ts';
import type { Wire } from '../support/wire.ts';

const isLong = process.env.LATCHKEY_TEST_LONG === '1';
const ROWS = isLong ? 10_000 : 500;
/** Told after the first rows were brought in: so much of the file is read by then, and the most of its rows are still to come. */
const UNDER_WAY = isLong ? /^ *[345]0 % / : /^ *[1-9]0 % /;
/** Of so many rows one is bad: all kinds of faults at least once. */
const ONE_BAD_IN = isLong ? 100 : 50;
const PRODUCT = 'infinite-server26';
const TITLES = [
  'key',
  'plan',
  'email',
  'name',
  'starts_at',
  'expires_at',
  'status',
  'metadata',
  'machines',
  'reference',
];

type Row = Record<string, string>;

/** A key as the system of before made it, under the same master secret. */
function oldKey(number: number, secret = MASTER_SECRET): string {
  const hash = createHash('sha512').update(`cus_${number}:sub_${number}:1700000000:salt`).digest('hex');
  const digits = hash + createHmac('sha512', secret).update(hash).digest('hex');
  return (digits.match(/.{16}/g) ?? []).join('-');
}

function goodRow(number: number): Row {
  return {
    key: oldKey(number),
    plan: 'license',
    email: `customer-${number}@example.com`,
    // Names that a careless reader would break on: a record over two lines, quotes, delimiters.
    name: number % 7 === 0 ? `Customer "${number}",\nInc.` : `Customer ${number}`,
    starts_at: '2025-12-01T00:00:00.000Z',
    expires_at: number % 5 === 0 ? '2026-01-15T00:00:00.000Z' : '2099-01-01T00:00:00.000Z',
    status: number % 11 === 0 ? 'suspended' : number % 13 === 0 ? 'revoked' : 'active',
    metadata: number % 3 === 0 ? JSON.stringify({ seat: String(number) }) : '',
    machines: number % 4 === 0 ? JSON.stringify([{ fingerprint: `server_${number}` }]) : '',
    reference: number % 2 === 0 ? `old-${number}` : '',
  };
}

/** What can be wrong with a row, and under which code it is told. */
const FAULTS: readonly [string, (row: Row, number: number) => string][] = [
  ['invalid_request email', (row) => line({ ...row, email: 'nobody' })],
  ['plan_unknown plan', (row) => line({ ...row, plan: 'gold' })],
  ['invalid_request expires_at', (row) => line({ ...row, expires_at: '31.12.2026' })],
  ['invalid_request status', (row) => line({ ...row, status: 'lost' })],
  ['invalid_request metadata', (row) => line({ ...row, metadata: 'no JSON' })],
  ['too_many_machines machines', (row) => line({ ...row, machines: 'one;two' })],
  ['FORGED key', (row, number) => line({ ...row, key: oldKey(number, 'a secret that is not ours') })],
  ['malformed_row ', (row) => formatCsv(TITLES.slice(1).map((title) => row[title] ?? ''))],
  ['malformed_row ', (row) => `${row.key},"license"x,${row.email},,,,,,,\r\n`],
  // Only this one would do harm to its neighbours: no request with it is read at all.
  ['invalid_request name', (row) => line({ ...row, name: 'a\u0000b' })],
];

function line(row: Row): string {
  return formatCsv(TITLES.map((title) => row[title] ?? ''));
}

/** A file with bad rows in it, and what is to be said of each of those. */
function makeFile(): { text: string; good: Row[]; bad: { line: number; told: string }[] } {
  const parts = [`\ufeff${formatCsv(TITLES)}`];
  const good: Row[] = [];
  const bad: { line: number; told: string }[] = [];
  let at = 2;
  for (let number = 1; number <= ROWS; number += 1) {
    const row = goodRow(number);
    let text = line(row);
    if (number % ONE_BAD_IN === ONE_BAD_IN / 2) {
      const [told, spoil] = FAULTS[bad.length % FAULTS.length] ?? FAULTS[0] ?? ['', line];
      text = spoil(row, number);
      bad.push({ line: at, told });
    } else good.push(row);
    parts.push(text);
    at += text.match(/\r\n|\n/g)?.length ?? 0;
  }
  return { text: parts.join(''), good, bad };
}

/** The rows of a CSV that this test wrote or the server did: read here by other code than what is tested. */
function parseCsv(text: string): Row[] {
  const records = [...text.matchAll(/(?:"(?:[^"]|"")*"|[^",\r\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\r\n]*))*\r\n/g)].map(
    ([record]) =>
      [...record.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g)].map(([, quoted, plain]) =>
        (quoted ?? plain ?? '').replaceAll('""', '"'),
      ),
  );
  const [titles = [], ...rows] = records;
  return rows.map((fields) => Object.fromEntries(titles.map((title, index) => [title, fields[index] ?? ''])));
}

describe.each(['pglite', 'postgres'] as const)(`an import of ${ROWS} licences, on %s`, (engine) => {
  const { text, good, bad } = makeFile();
  let folder: string;
  let file: string;
  let report: string;
  let server: RunningServer;
  let everything = '';

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-import-'));
    file = join(folder, 'licenses.csv');
    report = join(folder, 'refused.csv');
    writeFileSync(file, text);
    server = await createRunningServer({ engine, dataDir: join(folder, 'data'), env: { LOG_LEVEL: 'debug' } });
    await server.start();
  });

  afterAll(async () => {
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const latchkey = (...args: string[]): TestProcess =>
    startProcess({
      file: 'packages/server/src/cli/main.ts',
      args: ['license', ...args],
      env: { LATCHKEY_URL: server.base, ADMIN_TOKEN },
    });
  const importFile = (...more: string[]) => latchkey('import', file, '--product', PRODUCT, '--report', report, ...more);
  const run = async (process: TestProcess) => {
    const { code } = await process.exited;
    everything += process.output();
    return { code, output: process.output() };
  };
  const total = async (): Promise<number> =>
    (await server.call('GET', `/v1/licenses/statistics?product=${PRODUCT}`))?.body.total;
  const reported = () =>
    parseCsv(readFileSync(report, 'utf8')).map((row) => ({ line: Number(row.line), told: `${row.code} ${row.field}` }));

  it('tried first writes nothing, and says what it will do', async () => {
    const { code, output } = await run(importFile('--dry-run', '--json'));
    expect(code).toBe(1);
    const totals = { dry_run: true, rows: ROWS, imported: good.length, unchanged: 0, refused: bad.length };
    expect(JSON.parse(output)).toMatchObject(totals);
    expect(reported()).toEqual(bad);
    expect(await total()).toBe(0);
  });

  it('killed half-way has brought in a part', async () => {
    const process = importFile();
    await process.waitForLine(UNDER_WAY, 120_000);
    await process.kill();
    everything += process.output();
    const brought = await total();
    expect(brought).toBeGreaterThan(0);
    expect(brought).toBeLessThan(good.length);
  });

  it('run again ends with every good row once and every bad row told with its line', async () => {
    const { code, output } = await run(importFile());
    expect(code).toBe(1);
    expect(output).toMatch(new RegExp(`${ROWS} rows: \\d+ imported, \\d+ unchanged, ${bad.length} refused`));
    expect(reported()).toEqual(bad);
    expect(await total()).toBe(good.length);
  });

  it('run a third time, the server dying and coming back meanwhile, changes nothing', async () => {
    const process = importFile();
    await process.waitForLine(UNDER_WAY, 120_000);
    everything += server.output();
    await server.kill();
    await server.start();
    const { code, output } = await run(process);
    expect(code).toBe(1);
    expect(output).toContain(`${ROWS} rows: 0 imported, ${good.length} unchanged, ${bad.length} refused`);
    expect(reported()).toEqual(bad);
    expect(await total()).toBe(good.length);
  });

  it('the export says what the import said, row for row', async () => {
    const out = join(folder, 'export.csv');
    expect((await run(latchkey('export', '--product', PRODUCT, '--with-keys', '--out', out))).code).toBe(0);
    const rows = parseCsv(readFileSync(out, 'utf8'));
    const byKey = new Map(rows.map((row) => [row.key, row]));
    expect(rows).toHaveLength(good.length);
    expect(byKey.size).toBe(good.length);
    const inForce = (row: Row) =>
      row.status === 'active' && row.expires_at?.startsWith('2026-01') ? 'expired' : row.status;
    const shown = good.map((row) => {
      const exported = byKey.get(row.key ?? '') ?? {};
      return Object.fromEntries(TITLES.map((title) => [title, exported[title]]));
    });
    expect(shown).toEqual(good.map((row) => ({ ...row, status: inForce(row) })));
  });

  it('the export imported again changes nothing, as CSV and as JSON lines', async () => {
    for (const format of ['csv', 'jsonl']) {
      const out = join(folder, `again.${format}`);
      await run(latchkey('export', '--with-keys', '--format', format, '--out', out));
      const { code, output } = await run(latchkey('import', out, '--json'));
      expect(code, output).toBe(0);
      expect(JSON.parse(output)).toMatchObject({ imported: 0, unchanged: good.length, refused: 0, unused_columns: [] });
    }
  });

  it('every key answers what its row said', async () => {
    const expected = (row: Row) => {
      if (row.status === 'revoked') return 'REVOKED';
      if (row.status === 'suspended') return 'SUSPENDED';
      return row.expires_at?.startsWith('2026-01') ? 'EXPIRED' : 'VALID';
    };
    const sample = good.filter((_row, index) => index % 19 === 0);
    for (const row of sample) {
      const answer: Wire = (await server.call('POST', '/v1/licenses/validate', { key: row.key }))?.body;
      expect(answer.code, row.email).toBe(expected(row));
    }
    expect(new Set(sample.map(expected)).size).toBe(4);
  });

  it('no key is in what the server logged or the command line said', () => {
    const said = server.output() + everything;
    expect(said.includes('license.imported')).toBe(true);
    // Not even a part of one: two groups of sixteen digits are in nothing else.
    expect(/[0-9a-f]{16}-[0-9a-f]{16}/.test(said)).toBe(false);
  });

  // What is asked of the server is the same on both engines.
  if (engine === 'pglite' && !isLong) return;

  it('many are issued at once for their reference, and once, also beyond what one call issues', async () => {
    const bulk = async (name: string) => {
      const out = join(folder, name);
      const { code, output } = await run(
        latchkey('bulk', '--product', 'redline2', '--count', '510', '--out', out, '--reference', 'fair'),
      );
      expect(code, output).toBe(0);
      expect(output).not.toContain('RL-');
      return parseCsv(readFileSync(out, 'utf8'));
    };
    const first = await bulk('keys.csv');
    expect(new Set(first.map(({ key }) => key)).size).toBe(510);
    expect(await bulk('again.csv')).toEqual(first);
    const { body } = (await server.call('POST', '/v1/licenses/validate', { key: first[509]?.key })) ?? {};
    // Known, and without the hours that such a licence needs: nobody has bought any.
    expect(body).toMatchObject({ code: 'NO_CREDIT', license: { id: first[509]?.id } });
  });
});
