import { at } from './json.ts';

export interface Column {
  title: string;
  /** Where the value is in a row (`license.id`), or how to make it. */
  value: string | ((row: unknown) => unknown);
  align?: 'right';
}

/** Rows under titles, each column as wide as its widest cell. */
export function formatTable(columns: readonly Column[], rows: readonly unknown[]): string[] {
  const cells = rows.map((row) =>
    columns.map(({ value }) => cellText(typeof value === 'string' ? at(row, value) : value(row))),
  );
  const titles = columns.map(({ title }) => title.toUpperCase());
  const widths = titles.map((title, index) => Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0)));
  return [titles, ...cells].map((line) =>
    line
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        return columns[index]?.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** One thing, a line for each field; what is nested is named by its path. */
export function formatRecord(record: unknown): string[] {
  const fields = flatten(record, '');
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd());
}

function flatten(value: unknown, prefix: string): [string, string][] {
  if (typeof value !== 'object' || value === null) return [[prefix, cellText(value)]];
  const entries = Object.entries(value);
  if (entries.length === 0) return [[prefix, Array.isArray(value) ? 'none' : '']];
  return entries.flatMap(([name, item]) => {
    const path = Array.isArray(value) ? `${prefix}[${name}]` : prefix === '' ? name : `${prefix}.${name}`;
    return flatten(item, path);
  });
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

/** A value on one line; instants to the second, in UTC. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (typeof value === 'string') {
    if (INSTANT.test(value)) return `${value.slice(0, 10)} ${value.slice(11, 19)}Z`;
    return withoutControls(value);
  }
  return typeof value === 'object' ? withoutControls(JSON.stringify(value)) : String(value);
}

/** Names and reasons come from customers: nothing in them may steer the terminal. */
function withoutControls(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}
