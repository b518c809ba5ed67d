import { randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { formatCsv } from '../../http/csv.ts';
import { EXIT, type ExitCode } from '../host.ts';
import { at, itemsOf, textAt } from '../json.ts';
import { createProgress } from '../progress.ts';
import type { Run, Session } from '../session.ts';
import { collectPairs, expiryOption } from './values.ts';

interface BulkOptions {
  product: string;
  plan?: string;
  count: number;
  out: string;
  reference?: string;
  expires?: string;
  metadata?: Record<string, string>;
}

/** What the server issues in one call. */
const AT_ONCE = 500;
const MOST = 100_000;
const TIMEOUT_MS = 120_000;

export function addLicenseBulkCommand(license: Command, run: Run): void {
  license
    .command('bulk')
    .description('issue many at once and write their keys to a file')
    .requiredOption('--product <id>')
    .option('--plan <id>', 'where the product has several')
    .requiredOption('--count <number>', 'how many', countOption)
    .requiredOption('--out <file>', 'where the ids and keys are written as CSV')
    .option('--reference <text>', 'issued once for each: give the same again to be given the same licences')
    .option('--expires <instant>', 'a day, an instant or "never"; otherwise the plan’s own term', expiryOption)
    .option('--metadata <name=value>', 'may be repeated', collectPairs)
    .action((options: BulkOptions, command: Command) => run(command, (session) => issueMany(session, options)));
}

async function issueMany(session: Session, options: BulkOptions): Promise<ExitCode> {
  const { host, client, json } = session;
  const { product, plan, count, expires, metadata } = options;
  const reference = options.reference ?? `bulk-${randomBytes(6).toString('hex')}`;
  // Said before anything is done: whoever is interrupted can ask for the same again.
  if (options.reference === undefined && !json) host.err(`Reference: ${reference}`);
  const progress = createProgress(host, { quiet: json });
  const lines = [formatCsv(['id', 'key'])];
  let repeated = false;
  try {
    for (let done = 0; done < count; done += AT_ONCE) {
      const answer = await client.post(
        '/v1/licenses/bulk',
        {
          product,
          plan,
          count: Math.min(AT_ONCE, count - done),
          reference:
            count <= AT_ONCE ? reference : `${reference} ${done / AT_ONCE + 1} of ${Math.ceil(count / AT_ONCE)}`,
          expires_at: expires === 'never' ? null : expires,
          metadata,
        },
        { timeoutMs: TIMEOUT_MS },
      );
      repeated ||= at(answer, 'repeated') === true;
      for (const one of itemsOf(answer)) lines.push(formatCsv([textAt(one, 'id') ?? '', textAt(one, 'key') ?? '']));
      progress.update((lines.length - 1) / count, `${lines.length - 1} issued`);
    }
  } finally {
    progress.end();
  }
  const path = resolve(host.directory, options.out);
  writeFileSync(`${path}.part`, lines.join(''), { mode: 0o600 });
  renameSync(`${path}.part`, path);
  if (json) host.out(JSON.stringify({ reference, issued: count, repeated, file: path }, null, 2));
  else host.out(`${count} ${repeated ? 'were issued before for this reference' : 'issued'}: ${options.out}`);
  return EXIT.done;
}

function countOption(value: string): number {
  const count = Number(value);
  if (Number.isInteger(count) && count >= 1 && count <= MOST) return count;
  throw new InvalidArgumentError(`Write a number from 1 to ${MOST}.`);
}
