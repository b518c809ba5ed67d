/** Tables for spreadsheets. */

import { formatCsv } from './csv.ts';
import type { HttpReply, HttpRequest } from './types.ts';

export type CsvValue = string | number | null | undefined;

/** A table as CSV, with a line of names. A text that a spreadsheet would take for a formula gets an apostrophe before it. */
export function csvTable(columns: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
  return [columns, ...rows].map((row) => formatCsv(row.map(cell))).join('');
}

/** What a spreadsheet takes for a formula (OWASP, "CSV Injection"). Numbers are none, also those below zero. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(value: CsvValue): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  return FORMULA.test(value) ? `'${value}` : value;
}

/** Whether a caller wants CSV: by `format=csv`, or by what it accepts before anything else. */
export function wantsCsv({ headers }: HttpRequest, format: 'json' | 'csv' | undefined): boolean {
  if (format !== undefined) return format === 'csv';
  const [first = ''] = (headers.accept ?? '').split(',');
  return first.trim().toLowerCase().startsWith('text/csv');
}

/** Answers a table as a file of that name. */
export function sendCsv(reply: HttpReply, name: string, text: string): HttpReply {
  return reply
    .type('text/csv; charset=utf-8; header=present')
    .header('content-disposition', `attachment; filename="${name}.csv"`)
    .serializer(String)
    .send(text);
}
