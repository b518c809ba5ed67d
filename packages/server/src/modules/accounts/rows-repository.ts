/** Rows of the four tables that better-auth keeps, by column: it decides what is in them, this how they are read and written. */

import { type RawBuilder, sql } from 'kysely';
import type { Connection } from '../../db/database.ts';

export const TABLES = ['auth_users', 'auth_sessions', 'auth_accounts', 'auth_verifications'] as const;
export type Table = (typeof TABLES)[number];
export type Row = Record<string, unknown>;

export interface Condition {
  column: string;
  operator: keyof typeof OPERATORS;
  value: unknown;
  /** How it goes with the condition before. */
  connector: 'AND' | 'OR';
}

/** What may be asked of a column. */
export const OPERATORS = {
  eq: '=',
  ne: '<>',
  lt: '<',
  lte: '<=',
  gt: '>',
  gte: '>=',
  in: 'in',
  not_in: 'not in',
} as const;

export interface Listing {
  where: readonly Condition[];
  limit: number;
  offset?: number | undefined;
  sortBy?: { column: string; direction: 'asc' | 'desc' } | undefined;
}

export async function insertRow(connection: Connection, table: Table, row: Row): Promise<Row> {
  const entries = Object.entries(row);
  const columns = sql.join(entries.map(([column]) => sql.ref(column)));
  const values = sql.join(entries.map(([, value]) => sql.val(value)));
  return one(
    await sql<Row>`INSERT INTO ${sql.table(table)} (${columns}) VALUES (${values}) RETURNING *`.execute(connection),
  );
}

export async function selectRows(connection: Connection, table: Table, listing: Listing): Promise<Row[]> {
  const { where, limit, offset = 0, sortBy } = listing;
  const order =
    sortBy === undefined
      ? sql``
      : sql`ORDER BY ${sql.ref(sortBy.column)} ${sortBy.direction === 'asc' ? sql`ASC` : sql`DESC`}`;
  const query = sql<Row>`SELECT * FROM ${sql.table(table)} WHERE ${all(where)} ${order} LIMIT ${limit} OFFSET ${offset}`;
  return (await query.execute(connection)).rows;
}

export async function countRows(connection: Connection, table: Table, where: readonly Condition[]): Promise<number> {
  const query = sql<{ count: number }>`SELECT count(*)::float8 AS count FROM ${sql.table(table)} WHERE ${all(where)}`;
  return (await query.execute(connection)).rows[0]?.count ?? 0;
}

/** The rows as they are now. */
export async function updateRows(
  connection: Connection,
  table: Table,
  where: readonly Condition[],
  changes: Row,
): Promise<Row[]> {
  const set = sql.join(Object.entries(changes).map(([column, value]) => sql`${sql.ref(column)} = ${value}`));
  return (await sql<Row>`UPDATE ${sql.table(table)} SET ${set} WHERE ${all(where)} RETURNING *`.execute(connection))
    .rows;
}

export async function deleteRows(connection: Connection, table: Table, where: readonly Condition[]): Promise<number> {
  return (await sql<Row>`DELETE FROM ${sql.table(table)} WHERE ${all(where)} RETURNING id`.execute(connection)).rows
    .length;
}

/** Deletes one row, and gives it to one caller alone, however many try at once. */
export async function takeRow(connection: Connection, table: Table, where: readonly Condition[]): Promise<Row | null> {
  const query = sql<Row>`DELETE FROM ${sql.table(table)} WHERE id = (
    SELECT id FROM ${sql.table(table)} WHERE ${all(where)} LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *`;
  return (await query.execute(connection)).rows[0] ?? null;
}

function one({ rows: [row] }: { rows: Row[] }): Row {
  if (row === undefined) throw new Error('An insert gave no row.');
  return row;
}

// As better-auth means them: those joined by AND all hold, and of those joined by OR, if there are any, one does.
function all(where: readonly Condition[]): RawBuilder<unknown> {
  const both = where.filter(({ connector }) => connector === 'AND').map(test);
  const either = where.filter(({ connector }) => connector === 'OR').map(test);
  const parts = either.length === 0 ? both : [...both, sql`(${sql.join(either, sql` OR `)})`];
  return parts.length === 0 ? sql`true` : sql.join(parts, sql` AND `);
}

function test({ column, operator, value }: Condition): RawBuilder<unknown> {
  const reference = sql.ref(column);
  if (operator === 'in' || operator === 'not_in') {
    const values = Array.isArray(value) ? value : [value];
    const list = sql`${reference} = any(${values})`;
    return operator === 'in' ? list : sql`NOT (${list})`;
  }
  if (value === null) return operator === 'eq' ? sql`${reference} IS NULL` : sql`${reference} IS NOT NULL`;
  return sql`${reference} ${sql.raw(OPERATORS[operator])} ${value}`;
}
