import { closeSync, createReadStream, openSync, readSync, statSync, writeSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { formatCsv } from '../../http/csv.ts';
import { EXIT, type ExitCode, type Host, UsageError } from '../host.ts';
import type { Columns } from '../import/fields.ts';
import { type FileFormat, fieldMap, readRows } from '../import/rows.ts';
import { type Outcome, sendRows } from '../import/sending.ts';
import { readText } from '../import/text.ts';
import { createProgress } from '../progress.ts';
import type { Run, Session } from '../session.ts';
import { cellText } from '../table.ts';
import { collect } from './values.ts';

interface ImportOptions {
  format: FileFormat | 'auto';
  product?: string;
  plan?: string;
  dryRun?: boolean;
  map?: string[];
  report?: string;
  delimiter?: string;
  acceptForeignKeys?: boolean;
}

export function addLicenseImportCommand(license: Command, run: Run): void {
  license
    .command('import <file>')
    .description(
      'bring licences in with the keys they have; running it again changes nothing ("-" reads standard input)',
    )
    .addOption(new Option('--format <format>', 'of the file').choices(['auto', 'csv', 'json']).default('auto'))
    .option('--product <id>', 'for rows that name none')
    .option('--plan <id>', 'for rows that name none')
    .option('--dry-run', 'say what would become of the rows, and write nothing')
    .option('--map <column=field>', 'a column that is called otherwise; may be repeated', collect)
    .option('--report <file>', 'write the refused rows there as CSV: line, code, field, detail')
    .option('--delimiter <character>', 'between the fields of a CSV, where it cannot be told from the first line')
    .option('--accept-foreign-keys', 'also keys that look like ours and that no live secret made')
    .action((file: string, options: ImportOptions, command: Command) =>
      run(command, (session) => importFile(session, file, options)),
    );
}

/** Refused rows that are printed; the report has all of them. */
const MOST_PRINTED = 20;
/** Refused rows in the JSON answer. */
const MOST_ANSWERED = 1_000;

interface Tally {
  rows: number;
  imported: number;
  unchanged: number;
  refused: number;
  refusals: Outcome[];
  unused: string[];
}

async function importFile(session: Session, file: string, options: ImportOptions): Promise<ExitCode> {
  const { host, client, json } = session;
  const source = openSource(host, file, options.format);
  const map = fieldMap(options.map ?? []);
  if (options.delimiter !== undefined && options.delimiter.length !== 1) {
    throw new UsageError('--delimiter is one character.');
  }
  const tally: Tally = { rows: 0, imported: 0, unchanged: 0, refused: 0, refusals: [], unused: [] };
  const report = options.report === undefined ? null : openReport(host, options.report, file);
  const progress = createProgress(host, { quiet: json });
  try {
    const rows = readRows(readText(source.bytes), {
      format: source.format,
      delimiter: options.delimiter,
      map,
      defaults: { product: options.product, plan: options.plan },
      onColumns: (columns) => tellColumns(session, tally, columns),
    });
    const sending = {
      client,
      isDryRun: options.dryRun === true,
      acceptForeignKeys: options.acceptForeignKeys === true,
      pause: (milliseconds: number) => pause(milliseconds),
    };
    for await (const outcomes of sendRows(rows, sending)) {
      for (const outcome of outcomes) count(tally, outcome, report);
      progress.update(source.part(), figures(tally));
    }
  } catch (error) {
    progress.end();
    if (tally.rows > 0) host.err(`${figures(tally)} until then. Run it again: what is there already stays as it is.`);
    throw error;
  } finally {
    report?.close();
  }
  progress.end();
  return tell(session, tally, options);
}

interface Source {
  bytes: AsyncIterable<Uint8Array>;
  format: FileFormat;
  /** How much of it was read, from 0 to 1; null where its length is not known. */
  part(): number | null;
}

function openSource(host: Host, file: string, format: ImportOptions['format']): Source {
  if (file === '-') {
    const bytes = Readable.from(inputOf(host));
    if (format === 'auto') throw new UsageError('Say with --format what standard input is: csv or json.');
    return { bytes, format, part: () => null };
  }
  const path = resolve(host.directory, file);
  const size = sizeOf(path, file);
  const stream = createReadStream(path);
  return {
    bytes: stream,
    format: format === 'auto' ? formatOf(path) : format,
    part: () => (size === 0 ? 1 : stream.bytesRead / size),
  };
}

async function* inputOf(host: Host): AsyncGenerator<Uint8Array> {
  yield Buffer.from(await host.readInput());
}

function sizeOf(path: string, named: string): number {
  try {
    const stat = statSync(path);
    if (stat.isFile()) return stat.size;
  } catch {
    // Told below.
  }
  throw new UsageError(`${named} is no file that can be read.`);
}

/** By its name, and where that says nothing, by its first character. */
function formatOf(path: string): FileFormat {
  const extension = extname(path).toLowerCase();
  if (['.csv', '.tsv'].includes(extension)) return 'csv';
  if (['.json', '.jsonl', '.ndjson'].includes(extension)) return 'json';
  const head = Buffer.alloc(1_024);
  const file = openSync(path, 'r');
  try {
    const length = readSync(file, head, 0, head.length, 0);
    return /^\ufeff?\s*[[{]/.test(head.toString('utf8', 0, length)) ? 'json' : 'csv';
  } finally {
    closeSync(file);
  }
}

interface Report {
  write(outcome: Outcome): void;
  close(): void;
}

/** Written row by row, so that it tells what was found also when the command is interrupted. It holds no keys. */
function openReport(host: Host, named: string, source: string): Report {
  const path = resolve(host.directory, named);
  if (path === resolve(host.directory, source))
    throw new UsageError('--report would overwrite the file that is imported.');
  const file = openSync(path, 'w', 0o600);
  writeSync(file, formatCsv(['line', 'code', 'field', 'detail']));
  return {
    write: ({ line, code = '', field = '', detail = '' }) =>
      void writeSync(file, formatCsv([String(line), code, field, detail])),
    close: () => closeSync(file),
  };
}

function tellColumns({ host, json }: Session, tally: Tally, { used, unused }: Columns): void {
  tally.unused.push(...unused);
  if (json) return;
  const renamed = [...used].filter(([field, name]) => field !== name).map(([field, name]) => `${name} as ${field}`);
  if (renamed.length > 0) host.err(`Read: ${renamed.map(cellText).join(', ')}.`);
  if (unused.length > 0)
    host.err(`Not read: ${unused.map(cellText).join(', ')}. Name their fields with --map if they matter.`);
}

function count(tally: Tally, outcome: Outcome, report: Report | null): void {
  tally.rows += 1;
  tally[outcome.outcome] += 1;
  if (outcome.outcome !== 'refused') return;
  report?.write(outcome);
  if (tally.refusals.length < MOST_ANSWERED) tally.refusals.push(outcome);
}

function figures({ rows, imported, unchanged, refused }: Tally): string {
  return `${rows} rows: ${imported} imported, ${unchanged} unchanged, ${refused} refused`;
}

function tell({ host, json, style }: Session, tally: Tally, options: ImportOptions): ExitCode {
  const { refusals, unused, ...totals } = tally;
  const isDryRun = options.dryRun === true;
  if (json) {
    const rows = refusals.map(({ outcome: _, ...row }) => row);
    host.out(JSON.stringify({ dry_run: isDryRun, ...totals, refusals: rows, unused_columns: unused }, null, 2));
    return tally.refused === 0 ? EXIT.done : EXIT.no;
  }
  for (const { line, code, field, detail } of refusals.slice(0, MOST_PRINTED)) {
    host.out(cellText(`line ${line}: ${code}${field === undefined ? '' : ` ${field}`}: ${detail ?? ''}`));
  }
  if (tally.refused > MOST_PRINTED) {
    const rest = tally.refused - MOST_PRINTED;
    host.out(
      options.report === undefined ? `… and ${rest} more; --report FILE writes all of them.` : `… and ${rest} more.`,
    );
  }
  if (options.report !== undefined && tally.refused > 0) host.out(`Refused rows: ${options.report}`);
  const summary = `${figures(tally)}${isDryRun ? ' (dry run: nothing was written)' : ''}`;
  host.out(tally.refused === 0 ? style.good(summary) : style.bad(summary));
  return tally.refused === 0 ? EXIT.done : EXIT.no;
}
