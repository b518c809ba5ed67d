import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import { EXIT, type ExitCode } from '../host.ts';
import { readText } from '../import/text.ts';
import type { Run, Session } from '../session.ts';

interface ExportOptions {
  out?: string;
  withKeys?: boolean;
  product?: string;
  status?: string;
  format: 'csv' | 'jsonl';
}

export function addLicenseExportCommand(license: Command, run: Run): void {
  license
    .command('export')
    .description('all of them as a file that import takes; to standard output where no file is named')
    .option('--out <file>', 'where to')
    .option('--with-keys', 'with the keys in clear: keep the file where nobody else reads it')
    .option('--product <id>', 'only of this product')
    .option('--status <status>', 'only with this status')
    .addOption(new Option('--format <format>').choices(['csv', 'jsonl']).default('csv'))
    .action((options: ExportOptions, command: Command) => run(command, (session) => exportFile(session, options)));
}

async function exportFile(session: Session, options: ExportOptions): Promise<ExitCode> {
  const { host, client, json } = session;
  const { out, product, status, format } = options;
  const keys = options.withKeys === true ? 'true' : undefined;
  const bytes = client.download('/v1/licenses/export', { product, status, format, keys });
  if (out === undefined) {
    for await (const line of linesOf(readText(bytes))) host.out(line);
    return EXIT.done;
  }
  const path = resolve(host.directory, out);
  // Under its name only once it is whole: half an export looks like a whole one.
  const part = `${path}.part`;
  try {
    await pipeline(bytes, createWriteStream(part, { mode: 0o600 }));
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
  if (json) host.out(JSON.stringify({ file: path, format, with_keys: keys !== undefined }, null, 2));
  else host.err(`Written: ${out}`);
  return EXIT.done;
}

async function* linesOf(text: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of text) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
