import { UsageError } from '../host.ts';
import { countLines, type FileFault, type FileRecord, LONGEST_RECORD } from './record.ts';

export type CsvRecord = FileRecord<string[]>;

const DELIMITERS = [',', ';', '\t'];

/**
 * Reads CSV as RFC 4180 has it, record by record: quotes, quotes within quotes, delimiters and line ends inside of them. Lines end with
 * CRLF, LF or CR; empty lines are passed over. Strict where a record is broken, and then only that line is lost: reading goes on with
 * the next physical line, so that a quote that is never closed does not swallow the rest of the file.
 *
 * The delimiter is the one that the first line has most of, of comma, semicolon and tab, unless it is given.
 */
export async function* readCsv(
  chunks: AsyncIterable<string>,
  delimiter?: string,
): AsyncGenerator<CsvRecord | FileFault> {
  let text = '';
  let line = 1;
  let separator = delimiter;

  function* records(isEnd: boolean): Generator<CsvRecord | FileFault> {
    let at = 0;
    separator ??= delimiterOf(text, isEnd);
    while (separator !== undefined && at < text.length) {
      const found = recordAt(text, at, separator, isEnd) ?? tooLong(text, at, line, isEnd);
      if (found === null) break;
      if ('fault' in found) yield { line, fault: found.fault };
      else if (!isBlank(found.fields, text, at)) yield { line, value: found.fields };
      line += countLines(text.slice(at, found.next));
      at = found.next;
    }
    text = text.slice(at);
  }

  for await (const chunk of chunks) {
    text += chunk;
    yield* records(false);
  }
  yield* records(true);
}

function delimiterOf(text: string, isEnd: boolean): string | undefined {
  const end = text.search(/[\r\n]/);
  if (end === -1 && !isEnd && text.length <= LONGEST_RECORD) return undefined;
  const first = end === -1 ? text : text.slice(0, end);
  const count = (delimiter: string) => first.split(delimiter).length;
  return DELIMITERS.reduce((best, candidate) => (count(candidate) > count(best) ? candidate : best));
}

type Found = { fields: string[]; next: number } | { fault: string; next: number };

/** The record that begins at `start`, or what is wrong with it; null when more text is needed to tell. */
function recordAt(text: string, start: number, delimiter: string, isEnd: boolean): Found | null {
  const fields: string[] = [];
  let at = start;
  for (;;) {
    const field = text[at] === '"' ? quotedAt(text, at, isEnd) : plainAt(text, at, delimiter);
    if (field === null) return null;
    if ('fault' in field) return faultAt(text, start, field.fault, isEnd);
    fields.push(field.value);
    at = field.end;
    if (at >= text.length) return isEnd ? { fields, next: at } : null;
    const end = text[at];
    if (end === delimiter) {
      at += 1;
      // A delimiter at the very end is followed by an empty field.
      if (at >= text.length && !isEnd) return null;
      continue;
    }
    if (end === '\n') return { fields, next: at + 1 };
    if (end !== '\r') return faultAt(text, start, 'has text after a closing quote', isEnd);
    if (at + 1 >= text.length && !isEnd) return null;
    return { fields, next: text[at + 1] === '\n' ? at + 2 : at + 1 };
  }
}

type Field = { value: string; end: number } | { fault: string };

function quotedAt(text: string, start: number, isEnd: boolean): Field | null {
  let value = '';
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return isEnd ? { fault: 'has a quote that is never closed' } : null;
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') {
      // The next chunk may begin with the second quote of a pair.
      if (quote + 1 >= text.length && !isEnd) return null;
      return { value, end: quote + 1 };
    }
    value += '"';
    at = quote + 2;
  }
}

function plainAt(text: string, start: number, delimiter: string): Field {
  let end = start;
  for (; end < text.length; end += 1) {
    const character = text[end];
    if (character === delimiter || character === '\n' || character === '\r') break;
    if (character === '"') return { fault: 'has a quote inside a field that does not begin with one' };
  }
  return { value: text.slice(start, end), end };
}

/** The fault of a record, after which reading goes on with the physical line that follows the record's first. */
function faultAt(text: string, start: number, fault: string, isEnd: boolean): Found | null {
  const end = /\r\n|\r|\n/g;
  end.lastIndex = start;
  const found = end.exec(text);
  if (found === null) return isEnd ? { fault, next: text.length } : null;
  return { fault, next: found.index + found[0].length };
}

function tooLong(text: string, start: number, line: number, isEnd: boolean): Found | null {
  if (text.length - start <= LONGEST_RECORD) return null;
  const found = faultAt(text, start, 'has a quote that is not closed, or is longer than a row can be', isEnd);
  if (found === null) throw new UsageError(`Line ${line} is longer than a row can be: this is no CSV.`);
  return found;
}

function isBlank(fields: readonly string[], text: string, start: number): boolean {
  return fields.length === 1 && fields[0] === '' && text[start] !== '"';
}
