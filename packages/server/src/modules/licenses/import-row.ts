import { LatchkeyError } from '@latchkey/core';
import { type ImportOutcome, type ImportRow, importRow } from './import-schemas.ts';

/** A row that cannot be imported, and why. Its detail never holds the key. */
export class RowRefusal extends Error {
  override readonly name = 'RowRefusal';
  readonly code: string;
  readonly path: string | undefined;

  constructor(code: string, detail: string, path?: string) {
    super(detail);
    this.code = code;
    this.path = path;
  }
}

/** Where a row stands in its file: what it says itself, or its place among the rows that were sent. */
export function lineOf(row: unknown, index: number): number {
  const said = typeof row === 'object' && row !== null && 'line' in row ? row.line : undefined;
  return typeof said === 'number' && Number.isSafeInteger(said) && said >= 1 ? said : index + 1;
}

/** The row, when every field of it is what it must be; `RowRefusal` naming the first that is not. */
export function readRow(value: unknown, now: Date): ImportRow {
  const read = importRow.safeParse(value);
  if (!read.success) throw fromIssue(read.error.issues[0]);
  const row = read.data;
  if (row.key === undefined && row.reference === undefined) {
    throw new RowRefusal(
      'invalid_request',
      'A row without a key needs a reference, so that its key is made once.',
      'reference',
    );
  }
  const { expires_at: expiresAt, starts_at: startsAt } = row;
  if (typeof expiresAt === 'string' && startsAt !== undefined && Date.parse(expiresAt) <= Date.parse(startsAt)) {
    throw new RowRefusal('invalid_request', 'The licence would end before it starts.', 'expires_at');
  }
  const isPast = expiresAt === undefined || (expiresAt !== null && Date.parse(expiresAt) <= now.getTime());
  if (row.status === 'expired' && !isPast) {
    throw new RowRefusal('invalid_request', 'The status says expired, but the end is not in the past.', 'status');
  }
  return row;
}

interface Issue {
  path: readonly PropertyKey[];
  message: string;
  code?: string;
  keys?: readonly string[];
}

function fromIssue(issue: Issue | undefined): RowRefusal {
  if (issue === undefined) return new RowRefusal('invalid_request', 'The row is not valid.');
  const { path, message, keys } = issue;
  const [unknown] = keys ?? [];
  const field = pathText(unknown === undefined || issue.code !== 'unrecognized_keys' ? path : [...path, unknown]);
  return new RowRefusal('invalid_request', message, field === '' ? undefined : field);
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

/** Values that PostgreSQL does not store, or that break what it holds together: the row's fault, not the server's. */
const ROW_FAULT = /^2[23]...$/;

/** What was thrown while a row was imported as its refusal; null where it says nothing about the row. */
export function refusalOf(error: unknown): Omit<ImportOutcome, 'line'> | null {
  if (error instanceof RowRefusal) return refused(error.code, error.message, error.path);
  if (error instanceof LatchkeyError && error.status < 500) return refused(error.code, error.detail, error.path);
  const state = error instanceof Error && 'code' in error ? String(error.code) : '';
  return ROW_FAULT.test(state) ? refused('invalid_request', 'The database does not take this row.', undefined) : null;
}

function refused(code: string, detail: string, path: string | undefined): Omit<ImportOutcome, 'line'> {
  return { outcome: 'refused', code, detail, ...(path === undefined ? {} : { path }) };
}
