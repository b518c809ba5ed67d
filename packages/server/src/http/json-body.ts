import { isUtf8 } from 'node:buffer';
import { LatchkeyError } from '@latchkey/core';

/** Deeper bodies than any of ours are an attempt to exhaust the stack of whatever walks them. */
const mostDepth = 32;

interface Fault {
  path: string;
  detail: string;
}

/**
 * Parses a JSON body and refuses what would do harm behind it: NUL and lone surrogates (PostgreSQL stores neither), whole numbers beyond
 * 2^53 (they would be stored rounded), `__proto__`, and nesting beyond 32. An empty body is no body. Item by item, what is wrong with one of an array is left to whoever
 * handles the items: it is a `FaultyItem` then.
 */
export function parseJsonBody(bytes: Buffer, { itemByItem = false }: { itemByItem?: boolean } = {}): unknown {
  if (bytes.length === 0) return undefined;
  const text = bytes.toString('utf8');
  // What is not UTF-8 was replaced by this character; looking for it first spares nearly every body the second reading.
  if (text.includes('\ufffd') && !isUtf8(bytes)) throw new LatchkeyError('invalid_json', 'The body is not UTF-8.');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // Without the parser's own words, which quote the body.
    const position = error instanceof Error ? /at position \d+/.exec(error.message)?.[0] : undefined;
    throw new LatchkeyError(
      'invalid_json',
      `The body is not valid JSON${position === undefined ? '' : ` ${position}`}.`,
    );
  }
  // Only an escape can bring NUL or half a surrogate pair into valid UTF-8.
  const hasEscapes = text.includes('\\u');
  if (itemByItem && Array.isArray(value)) return value.map((item: unknown) => inspectItem(item, hasEscapes));
  const fault = inspect(value, 1, hasEscapes);
  if (fault !== null) throw new LatchkeyError('invalid_request', fault.detail, { path: fault.path });
  return value;
}

/**
 * The value of a body in which nothing can be wrong but its shape: JSON in ASCII without escapes of characters. Undefined for any other,
 * which `parseJsonBody` has to look at. Names and nesting are for the caller to check.
 */
export function parsePlainJson(bytes: Buffer): unknown {
  const text = bytes.toString('utf8');
  if (text.length !== bytes.length || text.includes('\\u')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An item of a body that may not be kept, and why. */
export class FaultyItem {
  readonly error: LatchkeyError;
  /** The item’s `id`, where it has one that can be answered. */
  readonly id: string | null;

  constructor(error: LatchkeyError, id: string | null) {
    this.error = error;
    this.id = id;
  }
}

function inspectItem(item: unknown, hasEscapes: boolean): unknown {
  const fault = inspect(item, 2, hasEscapes);
  if (fault === null) return item;
  const id = typeof item === 'object' && item !== null && 'id' in item ? item.id : null;
  const error = new LatchkeyError('invalid_request', fault.detail, { path: fault.path });
  return new FaultyItem(error, typeof id === 'string' && inspectText(id) === null ? id : null);
}

function inspect(value: unknown, depth: number, hasEscapes: boolean): Fault | null {
  if (typeof value === 'string') return hasEscapes ? inspectText(value) : null;
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value) || (!Number.isInteger(value) && Number.isFinite(value))) return null;
    return { path: '', detail: 'A number is beyond what can be kept exactly (2^53).' };
  }
  if (typeof value !== 'object' || value === null) return null;
  if (depth > mostDepth) return { path: '', detail: `The body is nested more than ${mostDepth} levels deep.` };
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const fault = inspect(value[index], depth + 1, hasEscapes);
      if (fault !== null) return { ...fault, path: `[${index}]${joined(fault.path)}` };
    }
    return null;
  }
  for (const name of Object.keys(value)) {
    if (name === '__proto__') return { path: '', detail: 'A field may not be called __proto__.' };
    const fault =
      (hasEscapes ? inspectText(name) : null) ??
      inspect((value as Record<string, unknown>)[name], depth + 1, hasEscapes);
    if (fault !== null) return { ...fault, path: `${name}${joined(fault.path)}` };
  }
  return null;
}

function inspectText(text: string): Fault | null {
  if (text.includes('\0')) return { path: '', detail: 'A text contains NUL (\\u0000), which cannot be stored.' };
  if (!text.isWellFormed())
    return { path: '', detail: 'A text contains half of a surrogate pair, which is no character.' };
  return null;
}

function joined(path: string): string {
  return path === '' || path.startsWith('[') ? path : `.${path}`;
}
