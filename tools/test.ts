import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { runStage, runTogether, type Stage, type StageResult, stopStages } from './stages.ts';
import { readTotals, type Totals, totalsLine } from './totals.ts';
import { typeStages } from './type-stages.ts';

// `npm test`: everything that must hold before a change is shared. `npm test -- <filters>` runs only tests that match.

const staticStages: Stage[] = [
  { name: 'lint', file: 'node_modules/@biomejs/biome/bin/biome', args: ['check', '--error-on-warnings'] },
  ...typeStages(),
  { name: 'unused code', file: 'node_modules/knip/bin/knip.js', args: ['--no-progress'] },
  { name: 'who imports whom', file: 'tools/check-imports.ts' },
];

const given = process.argv.slice(2);
const long = given.includes('--long') || process.env.LATCHKEY_TEST_LONG === '1';
const filters = given.filter((argument) => argument !== '--long');

for (const event of ['SIGTERM', 'SIGINT', 'SIGHUP', 'disconnect'] as const) {
  process.on(event, () => {
    stopStages();
    process.exit(130);
  });
}

process.exitCode = (await main()) ? 0 : 1;

async function main(): Promise<boolean> {
  const results = filters.length > 0 ? [] : await runTogether(staticStages, 2);
  const failed = results.filter((result) => !result.passed);
  for (const { name, output } of failed) say(`\n── ${name} ──\n${output.trim()}\n`);
  if (failed.length > 0) {
    summarise(results);
    say('The tests were not run, because of what is listed above.');
    say(totalsLine({ passed: 0, failed: failed.length, skipped: 0 }));
    return false;
  }
  const { result, totals } = await runTests();
  summarise([...results, result]);
  // The last lines of the output are for machines: vitest's own totals, then the counts alone on a line.
  say(lastTotals(result.output));
  say(totalsLine(totals));
  return result.passed && totals.failed === 0;
}

async function runTests(): Promise<{ result: StageResult; totals: Totals }> {
  const scratch = mkdtempSync(join(tmpdir(), 'latchkey-test-'));
  const report = join(scratch, 'report.json');
  try {
    const result = await runStage({
      name: long ? 'tests, full sizes' : 'tests',
      file: 'node_modules/vitest/vitest.mjs',
      args: ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters],
      env: long ? { LATCHKEY_TEST_LONG: '1' } : {},
      live: true,
    });
    const text = existsSync(report) ? readFileSync(report, 'utf8') : undefined;
    return { result, totals: readTotals(text, result.passed) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function summarise(results: readonly StageResult[]): void {
  const width = Math.max(...results.map((result) => result.name.length));
  say('');
  for (const { name, passed, seconds } of results) {
    say(`${passed ? 'ok    ' : 'FAILED'} ${name.padEnd(width)} ${seconds.toFixed(1).padStart(7)} s`);
  }
  const leftOut = [
    ...(onPath('redis-server') ? [] : ['tests with Redis (no redis-server on the PATH)']),
    ...(long ? [] : ['the full sizes (npm run test:long)']),
  ];
  if (leftOut.length > 0) say(`Left out: ${leftOut.join('; ')}.`);
}

function lastTotals(output: string): string {
  const lines = stripVTControlCharacters(output)
    .split('\n')
    .filter((line) => /^\s*(Test Files|Tests|Duration)\s/.test(line));
  return lines.join('\n');
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, program)));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
