import { UsageError } from '../host.ts';
import { countLines, type FileFault, type FileRecord, LONGEST_RECORD } from './record.ts';

/** A row of a JSON file; `name` is what it stands under, where the file is an object of rows. */
export interface JsonRecord extends FileRecord<unknown> {
  name?: string;
}

/**
 * Reads rows out of JSON without holding the file: an array of them, one on each line, or an object of rows by name, alone or below
 * `licenses`. `isField` says whether a name is that of a row's field, which tells a file of rows on lines from an object of rows.
 */
export async function* readJson(
  chunks: AsyncIterable<string>,
  isField: (name: string) => boolean,
): AsyncGenerator<JsonRecord | FileFault> {
  const source = createSource(chunks);
  await source.atLeast(HEAD);
  const shape = shapeOf(source.text, isField);
  if (shape === 'lines') yield* readLines(source);
  else {
    source.skip(shape.from);
    yield* readItems(source, shape.isNamed);
  }
}

/** Enough of a file to tell its shape. */
const HEAD = 64 * 1_024;

type Shape = 'lines' | { from: number; isNamed: boolean };

function shapeOf(head: string, isField: (name: string) => boolean): Shape {
  const array = /^\s*\[/.exec(head);
  if (array !== null) return { from: array[0].length, isNamed: false };
  const below = /^\s*\{[\s\S]*?"(?:licenses|licences)"\s*:\s*([{[])/.exec(head);
  if (below !== null) return { from: below[0].length, isNamed: below[1] === '{' };
  const named = /^\s*\{\s*("(?:[^"\\]|\\.)*")\s*:\s*\{/.exec(head);
  if (named?.[1] !== undefined && !isField(String(parse(named[1])))) {
    return { from: head.indexOf('{') + 1, isNamed: true };
  }
  return /^\s*\{\s*\}\s*$/.test(head) ? { from: head.indexOf('{') + 1, isNamed: true } : 'lines';
}

interface Source {
  /** What was read and not yet skipped. */
  readonly text: string;
  readonly line: number;
  readonly isEnd: boolean;
  /** Reads on; false at the end of the file. */
  more(): Promise<boolean>;
  atLeast(characters: number): Promise<void>;
  skip(characters: number): void;
}

function createSource(chunks: AsyncIterable<string>): Source {
  const iterator = chunks[Symbol.asyncIterator]();
  let text = '';
  let line = 1;
  let isEnd = false;
  const more = async () => {
    const next = await iterator.next();
    if (next.done === true) isEnd = true;
    else text += next.value;
    return !isEnd;
  };
  return {
    get text() {
      return text;
    },
    get line() {
      return line;
    },
    get isEnd() {
      return isEnd;
    },
    more,
    async atLeast(characters) {
      while (text.length < characters && (await more()));
    },
    skip(characters) {
      line += countLines(text.slice(0, characters));
      text = text.slice(characters);
    },
  };
}

async function* readLines(source: Source): AsyncGenerator<JsonRecord | FileFault> {
  for (;;) {
    const end = source.text.indexOf('\n');
    if (end === -1 && !source.isEnd) {
      assertLength(source);
      await source.more();
      continue;
    }
    const text = end === -1 ? source.text : source.text.slice(0, end);
    const { line } = source;
    if (text.trim() !== '') yield asRecord(line, text);
    if (end === -1) return;
    source.skip(end + 1);
  }
}

async function* readItems(source: Source, isNamed: boolean): AsyncGenerator<JsonRecord | FileFault> {
  for (;;) {
    source.skip(/^[\s,]*/.exec(source.text)?.[0].length ?? 0);
    const { line } = source;
    const item = itemAt(source.text, isNamed);
    if (item === 'end') return;
    if (item === 'wrong' || (item === 'incomplete' && source.isEnd)) {
      yield { line, fault: 'is not JSON here; the rest of the file was not read' };
      return;
    }
    if (item === 'incomplete') {
      assertLength(source);
      await source.more();
      continue;
    }
    const record = asRecord(line, item.text);
    yield 'value' in record && item.name !== undefined ? { ...record, name: item.name } : record;
    source.skip(item.next);
  }
}

type Item = { name?: string; text: string; next: number } | 'end' | 'incomplete' | 'wrong';

/** The item at the beginning of the text. */
function itemAt(text: string, isNamed: boolean): Item {
  if (text === '') return 'incomplete';
  if (/^[\]}]/.test(text)) return 'end';
  if (!isNamed) return valueAt(text, 0);
  if (!text.startsWith('"')) return 'wrong';
  const name = /^("(?:[^"\\]|\\[\s\S])*")\s*:\s*(?=\S)/.exec(text);
  if (name?.[1] === undefined) return text.length > LONGEST_RECORD ? 'wrong' : 'incomplete';
  const value = valueAt(text, name[0].length);
  return typeof value === 'string' ? value : { ...value, name: String(parse(name[1])) };
}

function valueAt(text: string, start: number): Exclude<Item, 'end'> {
  const step = /["{}[\],\s]/g;
  let depth = 0;
  step.lastIndex = start;
  for (let found = step.exec(text); found !== null; found = step.exec(text)) {
    const [character] = found;
    if (character === '"') {
      const end = stringEnd(text, found.index);
      if (end === -1) return 'incomplete';
      step.lastIndex = end;
      if (depth === 0) return { text: text.slice(start, end), next: end };
    } else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') {
      if (depth === 0) return { text: text.slice(start, found.index), next: found.index };
      depth -= 1;
      if (depth === 0) return { text: text.slice(start, found.index + 1), next: found.index + 1 };
    } else if (depth === 0) return { text: text.slice(start, found.index), next: found.index };
  }
  return 'incomplete';
}

/** Behind the closing quote of the string that begins at `start`; -1 when it is not there yet. */
function stringEnd(text: string, start: number): number {
  const step = /["\\]/g;
  step.lastIndex = start + 1;
  for (let found = step.exec(text); found !== null; found = step.exec(text)) {
    if (found[0] === '"') return found.index + 1;
    step.lastIndex = found.index + 2;
  }
  return -1;
}

function asRecord(line: number, text: string): JsonRecord | FileFault {
  const value = parse(text);
  return value === undefined ? { line, fault: 'is not JSON' } : { line, value };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function assertLength({ text, line }: Source): void {
  if (text.length > LONGEST_RECORD) {
    throw new UsageError(`At line ${line} begins something longer than a row can be. The rest was not read.`);
  }
}
