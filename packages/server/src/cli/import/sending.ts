import { AnsweredError, type Client, UnreachableError } from '../client.ts';
import { at, itemsOf, textAt } from '../json.ts';
import type { FileRow } from './rows.ts';

/** What became of the row at a line. */
export interface Outcome {
  line: number;
  outcome: 'imported' | 'unchanged' | 'refused';
  code?: string;
  field?: string;
  detail?: string;
}

export interface SendingOptions {
  client: Pick<Client, 'post'>;
  isDryRun: boolean;
  acceptForeignKeys: boolean;
  /** Waits before trying again. */
  pause(milliseconds: number): Promise<void>;
}

/** Small enough that a server's other work is not held up, and that little is done again after an interruption. */
const MOST_ROWS = 100;
const MOST_CHARACTERS = 400_000;
const TIMEOUT_MS = 120_000;
/**
 * An import may be sent again: what is there already is unchanged. So a server that answered before is waited for while it starts
 * anew; one that never did is told of at once.
 */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];

/** Sends rows in batches and tells what became of each, in the order of the file. */
export async function* sendRows(rows: AsyncIterable<FileRow>, options: SendingOptions): AsyncGenerator<Outcome[]> {
  const post = createPost(options);
  let batch: FileRow[] = [];
  let characters = 0;
  for await (const row of rows) {
    const size = 'row' in row ? JSON.stringify(row.row).length : 0;
    if (batch.length === MOST_ROWS || (batch.length > 0 && characters + size > MOST_CHARACTERS)) {
      yield sendBatch(batch, post);
      batch = [];
      characters = 0;
    }
    batch.push(row);
    characters += size;
  }
  if (batch.length > 0) yield sendBatch(batch, post);
}

async function sendBatch(batch: readonly FileRow[], post: Post): Promise<Outcome[]> {
  const sent = batch.flatMap((one) => ('row' in one ? [{ ...one.row, line: one.line }] : []));
  const answered = sent.length === 0 ? [] : await send(sent, post);
  const answers = answered[Symbol.iterator]();
  return batch.map((one) => {
    if ('fault' in one)
      return { line: one.line, outcome: 'refused', code: 'malformed_row', detail: `The row ${one.fault}.` };
    return answers.next().value ?? { line: one.line, outcome: 'refused', code: 'unanswered' };
  });
}

type Sent = Record<string, unknown> & { line: number };

async function send(rows: readonly Sent[], post: Post): Promise<Outcome[]> {
  try {
    const answer = await post(rows);
    return itemsOf(at(answer, 'rows')).map(outcomeOf);
  } catch (error) {
    if (!(error instanceof AnsweredError) || (error.status !== 400 && error.status !== 413)) throw error;
    const [row, another] = rows;
    if (row !== undefined && another === undefined) return [refusalOf(row.line, error.body)];
    // Something in one of them keeps the whole request from being read. Halved until it is alone, only that one is refused.
    const middle = Math.ceil(rows.length / 2);
    return [...(await send(rows.slice(0, middle), post)), ...(await send(rows.slice(middle), post))];
  }
}

type Post = (rows: readonly Sent[]) => Promise<unknown>;

function createPost({ client, isDryRun, acceptForeignKeys, pause }: SendingOptions): Post {
  let hasAnswered = false;
  return async (rows) => {
    const body = { rows, dry_run: isDryRun, accept_foreign_keys: acceptForeignKeys };
    for (let tried = 0; ; tried += 1) {
      try {
        const answer = await client.post('/v1/licenses/import', body, { timeoutMs: TIMEOUT_MS });
        hasAnswered = true;
        return answer;
      } catch (error) {
        const wait = hasAnswered && mayPass(error) ? PAUSES_MS[tried] : undefined;
        if (wait === undefined) throw error;
        await pause(wait);
      }
    }
  };
}

function mayPass(error: unknown): boolean {
  if (error instanceof UnreachableError) return true;
  return error instanceof AnsweredError && (error.status >= 500 || error.status === 409 || error.status === 429);
}

function outcomeOf(row: unknown): Outcome {
  const outcome = textAt(row, 'outcome');
  const line = Number(at(row, 'line'));
  if (outcome === 'imported' || outcome === 'unchanged') return { line, outcome };
  return refusalOf(line, row);
}

function refusalOf(line: number, answer: unknown): Outcome {
  const field = textAt(answer, 'path')?.replace(/^rows\[0\]\.?/, '');
  const detail = textAt(answer, 'detail');
  return {
    line,
    outcome: 'refused',
    code: textAt(answer, 'code') ?? 'refused',
    ...(field === undefined || field === '' ? {} : { field }),
    ...(detail === undefined ? {} : { detail }),
  };
}
