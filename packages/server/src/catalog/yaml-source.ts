/** YAML as plain values that still know where they were written. */

import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type YAMLError,
} from 'yaml';
import { type CatalogProblem, type FieldPath, formatPath } from './problem.ts';

/** One document of a file: a product, before anything is known of its fields. */
export interface YamlDocument {
  readonly file: string;
  /** Plain values: records without a prototype, lists, texts, numbers, true, false and null. */
  value: unknown;
  /** Where the value at the path is, or the nearest that is written around it. `key` asks for its name instead. */
  position(path: FieldPath, key?: 'key'): { line: number; column: number };
}

/** More than any catalog needs; what is larger is a mistake or an attack. */
export const MOST_BYTES = 1024 * 1024;
/** Counted with every use of an alias, so that a few lines cannot stand for millions of values. */
const MOST_VALUES = 50_000;
const MOST_DEPTH = 32;

/** Reads a file's text. Whatever is wrong with it as YAML goes to `problems`, and then no document is answered. */
export function readYaml(file: string, bytes: Uint8Array, problems: CatalogProblem[]): YamlDocument[] {
  const report = (message: string, remedy: string, line: number | null = null, column: number | null = null) => {
    problems.push({ file, line, column, path: '', message, remedy });
  };
  if (bytes.byteLength > MOST_BYTES) {
    report(`is larger than ${MOST_BYTES} bytes`, 'Write one file for each product.');
    return [];
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    report('is not UTF-8', 'Save it as UTF-8.');
    return [];
  }
  const lines = new LineCounter();
  let parsed: Document.Parsed[];
  try {
    parsed = [...parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, version: '1.2', merge: false })];
  } catch (error) {
    // Text that is nested many thousands of levels deep exhausts the parser's stack.
    report(
      `cannot be read as YAML: ${error instanceof Error ? error.message : 'unknown error'}`,
      'Nest it less deeply.',
    );
    return [];
  }
  const faults = parsed.flatMap((document) => [...document.errors, ...document.warnings]);
  for (const fault of worthReporting(faults)) {
    const { line, col } = lines.linePos(fault.pos[0]);
    report(faultMessage(fault), faultRemedy(fault), line, col);
  }
  if (faults.length > 0) return [];
  if (parsed.length === 0) report('holds no product', 'Write one: see docs/catalog.md.');
  const documents: YamlDocument[] = [];
  for (const document of parsed) {
    const converted = convert(file, document, lines, problems);
    if (converted !== null) documents.push(converted);
  }
  return documents;
}

class Unreadable extends Error {
  readonly offset: number;
  readonly remedy: string;

  constructor(message: string, remedy: string, offset: number) {
    super(message);
    this.offset = offset;
    this.remedy = remedy;
  }
}

function convert(
  file: string,
  document: Document.Parsed,
  lines: LineCounter,
  problems: CatalogProblem[],
): YamlDocument | null {
  const converter = new Converter(document);
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  try {
    const value = converter.plain(document.contents, [], 0);
    const start = document.contents?.range[0] ?? 0;
    return { file, value, position: (path, key) => place(converter.offset(path, key === 'key') ?? start) };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    problems.push({ file, ...place(error.offset), path: '', message: error.message, remedy: error.remedy });
    return null;
  }
}

/** Walks a document once, following aliases within a budget, and notes where each value and each name is written. */
class Converter {
  readonly #document: Document.Parsed;
  readonly #values = new Map<string, number>();
  readonly #names = new Map<string, number>();
  #count = 0;

  constructor(document: Document.Parsed) {
    this.#document = document;
  }

  plain(node: Node | null, path: FieldPath, depth: number): unknown {
    const offset = node?.range?.[0] ?? 0;
    this.#count += 1;
    if (this.#count > MOST_VALUES) {
      throw new Unreadable(`stands for more than ${MOST_VALUES} values`, 'Use fewer aliases.', offset);
    }
    if (depth > MOST_DEPTH) {
      throw new Unreadable(`is nested more than ${MOST_DEPTH} levels deep`, 'Nest it less deeply.', offset);
    }
    if (node !== null && !this.#values.has(formatPath(path))) this.#values.set(formatPath(path), offset);
    if (node === null) return null;
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target !== undefined) return this.plain(target, path, depth + 1);
      const remedy = `Define &${node.source} above this place.`;
      throw new Unreadable(`uses the alias *${node.source}, which is not defined`, remedy, offset);
    }
    if (isScalar(node)) return node.value;
    if (isSeq(node)) {
      return node.items.map((item, index) => this.plain(item as Node | null, [...path, index], depth + 1));
    }
    if (isMap(node)) return this.#record(node.items, path, depth);
    throw new Unreadable('holds something that is neither a value, a list nor fields', 'Write it plainly.', offset);
  }

  #record(items: readonly unknown[], path: FieldPath, depth: number): Record<string, unknown> {
    const record: Record<string, unknown> = Object.create(null);
    for (const pair of items) {
      if (!isPair(pair)) continue;
      const key = pair.key as Node | null;
      const name = isScalar(key) ? key.value : undefined;
      const offset = key?.range?.[0] ?? 0;
      if (typeof name !== 'string') {
        throw new Unreadable('has a field whose name is not text', 'Put the name in quotation marks.', offset);
      }
      const to = [...path, name];
      this.#names.set(formatPath(to), offset);
      record[name] = this.plain(pair.value as Node | null, to, depth + 1);
    }
    return record;
  }

  offset(path: FieldPath, ofName: boolean): number | null {
    for (let length = path.length; length >= 0; length -= 1) {
      const text = formatPath(path.slice(0, length));
      const found = (ofName && length === path.length ? this.#names.get(text) : undefined) ?? this.#values.get(text);
      if (found !== undefined) return found;
    }
    return null;
  }
}

/** After a fault in the grammar, what the parser says of the rest is mostly a consequence: then the first alone counts. */
function worthReporting(faults: readonly YAMLError[]): readonly YAMLError[] {
  if (faults.every((fault) => fault.code === 'DUPLICATE_KEY')) return faults;
  return faults.toSorted((left, right) => left.pos[0] - right.pos[0]).slice(0, 1);
}

function faultMessage(fault: YAMLError): string {
  const [first = 'unknown error'] = fault.message.split('\n');
  return `is not valid YAML: ${first.replace(/\.$/, '')}`;
}

function faultRemedy(fault: YAMLError): string {
  switch (fault.code) {
    case 'TAB_AS_INDENT':
      return 'Indent with spaces; YAML does not allow tabs there.';
    case 'DUPLICATE_KEY':
      return 'Remove one of the two fields.';
    case 'BAD_INDENT':
    case 'MISSING_CHAR':
    case 'UNEXPECTED_TOKEN':
      return 'Check the indentation and the quotation marks around this place.';
    case 'TAG_RESOLVE_FAILED':
      return 'Remove the tag (the word that begins with !).';
    default:
      return 'Check how this line is written.';
  }
}
