import { UsageError } from '../host.ts';
import { readCsv } from './csv-reader.ts';
import { type Columns, columnsOf, type Field, fieldOf, isField } from './fields.ts';
import { readJson } from './json-reader.ts';
import { putField, type RowBody } from './values.ts';

export type FileFormat = 'csv' | 'json';

/** A row to send, or why there is none at that line. */
export type FileRow = { line: number; row: RowBody } | { line: number; fault: string };

export interface RowOptions {
  format: FileFormat;
  delimiter?: string | undefined;
  /** Fields for columns that are called otherwise. */
  map: ReadonlyMap<string, Field>;
  /** For rows that do not name their own. */
  defaults: { product?: string | undefined; plan?: string | undefined };
  /** Told once of a CSV's columns, and of names in JSON as they first appear. */
  onColumns(columns: Columns): void;
}

/** The rows of a file, by the names that an import takes them by. */
export async function* readRows(text: AsyncIterable<string>, options: RowOptions): AsyncGenerator<FileRow> {
  yield* options.format === 'csv' ? csvRows(text, options) : jsonRows(text, options);
}

async function* csvRows(text: AsyncIterable<string>, options: RowOptions): AsyncGenerator<FileRow> {
  let titles: readonly string[] | null = null;
  let columns: Columns | null = null;
  for await (const record of readCsv(text, options.delimiter)) {
    if ('fault' in record) {
      yield record;
      continue;
    }
    const { line, value } = record;
    if (titles === null || columns === null) {
      titles = value;
      columns = columnsOf(titles, options.map);
      assertEnough(columns, options);
      options.onColumns(columns);
      continue;
    }
    // What a spreadsheet leaves of rows that were emptied.
    if (value.every((field) => field.trim() === '')) continue;
    if (value.length !== titles.length) {
      yield { line, fault: `has ${fieldsText(value.length)} where the titles have ${titles.length}` };
      continue;
    }
    const named = new Map(titles.map((title, index) => [title, value[index]]));
    yield { line, row: rowOf(columns, (name) => named.get(name), options) };
  }
}

function fieldsText(count: number): string {
  return count === 1 ? 'one field' : `${count} fields`;
}

function assertEnough({ used }: Columns, { map, defaults }: RowOptions): void {
  for (const name of map.keys()) {
    if (![...used.values()].some((column) => column.trim() === name)) {
      throw new UsageError(`--map names the column "${name}", which the file does not have.`);
    }
  }
  if (!used.has('key') && !used.has('reference')) {
    throw new UsageError('No column is called key or reference. Name the one that is with --map COLUMN=key.');
  }
  if (!used.has('product') && defaults.product === undefined) {
    throw new UsageError('No column is called product. Say which product with --product.');
  }
}

async function* jsonRows(text: AsyncIterable<string>, options: RowOptions): AsyncGenerator<FileRow> {
  const known = new Set<string>();
  const isRowField = (name: string) => fieldOf(name) !== undefined || options.map.has(name);
  for await (const record of readJson(text, isRowField)) {
    if ('fault' in record) {
      yield record;
      continue;
    }
    const { line, value, name } = record;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      yield { line, fault: 'is not an object with the fields of a licence' };
      continue;
    }
    const columns = columnsOf(Object.keys(value), options.map);
    tellNew(columns, known, options);
    const row = rowOf(columns, (field) => (value as Record<string, unknown>)[field], options);
    if (name !== undefined) {
      // Rows that stand under names stand under their keys.
      if (row.key === undefined) putField(row, 'key', name);
    }
    yield { line, row };
  }
}

const MOST_NAMES = 200;

function tellNew(columns: Columns, known: Set<string>, { onColumns }: RowOptions): void {
  const isNew = (name: string) => !known.has(name) && known.size < MOST_NAMES;
  const used = new Map([...columns.used].filter(([, name]) => isNew(name)));
  const unused = columns.unused.filter(isNew);
  if (used.size === 0 && unused.length === 0) return;
  for (const name of [...used.values(), ...unused]) known.add(name);
  onColumns({ used, unused });
}

function rowOf({ used }: Columns, read: (name: string) => unknown, { defaults }: RowOptions): RowBody {
  const row: RowBody = {};
  for (const [field, name] of used) putField(row, field, read(name));
  if (row.product === undefined && defaults.product !== undefined) row.product = defaults.product;
  if (row.plan === undefined && defaults.plan !== undefined) row.plan = defaults.plan;
  return row;
}

/** `column=field` pairs. */
export function fieldMap(pairs: readonly string[]): ReadonlyMap<string, Field> {
  return new Map(
    pairs.map((pair) => {
      const equals = pair.lastIndexOf('=');
      const field = pair.slice(equals + 1).trim();
      if (equals < 1 || !isField(field)) {
        throw new UsageError(`--map takes COLUMN=FIELD, and "${pair}" names no field of a licence.`);
      }
      return [pair.slice(0, equals).trim(), field];
    }),
  );
}
