import type { SQLInputValue } from 'node:sqlite';
import type { Range } from '../parameters/schema.ts';

/** What a list is narrowed by. Paths are SQLite JSON paths written in this package, never a caller's text. */
export type Condition = { sql: string; values: SQLInputValue[] };

const SAFE_PATH = /^\$(\.[a-z_]+)+$/;

function column(path: string): string {
  if (!SAFE_PATH.test(path)) throw new Error(`Not a JSON path: ${path}`);
  return `json_extract(body, '${path}')`;
}

function bindable(value: string | number | boolean): string | number {
  return typeof value === 'boolean' ? Number(value) : value;
}

export function equals(path: string, value: string | number | boolean): Condition {
  return { sql: `${column(path)} = ?`, values: [bindable(value)] };
}

export function isNull(path: string): Condition {
  return { sql: `${column(path)} IS NULL`, values: [] };
}

export function oneOfValues(path: string, values: readonly (string | number)[]): Condition {
  return { sql: `${column(path)} IN (${values.map(() => '?').join(', ') || 'NULL'})`, values: [...values] };
}

/** True when any element of the array at `listPath` has `value` at `path`. */
export function anyElement(listPath: string, path: string, value: string): Condition {
  column(listPath);
  column(path);
  return {
    sql: `EXISTS (SELECT 1 FROM json_each(body, '${listPath}') WHERE json_extract(json_each.value, '${path}') = ?)`,
    values: [value],
  };
}

/** Stripe's event filters end in `*` at most: `invoice.*`. */
export function matchesType(path: string, pattern: string): Condition {
  if (!pattern.endsWith('*')) return equals(path, pattern);
  const prefix = pattern.slice(0, -1);
  return { sql: `substr(${column(path)}, 1, ?) = ?`, values: [prefix.length, prefix] };
}

export function inRange(path: string, range: Range): Condition {
  const parts: string[] = [];
  const values: SQLInputValue[] = [];
  const bound = (operator: string, value: number | undefined) => {
    if (value === undefined) return;
    parts.push(`${column(path)} ${operator} ?`);
    values.push(value);
  };
  bound('>', range.gt);
  bound('>=', range.gte);
  bound('<', range.lt);
  bound('<=', range.lte);
  return { sql: parts.join(' AND ') || 'TRUE', values };
}

/** The condition of an optional filter: none when it was not given. */
export function filter(path: string, value: string | number | boolean | undefined): Condition[] {
  return value === undefined ? [] : [equals(path, value)];
}
