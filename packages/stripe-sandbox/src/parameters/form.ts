import { invalidRequest } from '../http/api-error.ts';

/** Form parameters before any schema has looked at them: strings and nested maps, arrays still being maps of indexes. */
export type Raw = string | RawMap;
export type RawMap = { [name: string]: Raw };

const MAX_DEPTH = 12;
const MAX_PARAMETERS = 10_000;

/** A map without a prototype, so that a parameter named `__proto__` is only a name. */
export function newRawMap(): RawMap {
  return Object.create(null) as RawMap;
}

/** `items[0][price]` → `['items', '0', 'price']`; the empty brackets of `expand[]` give `''`. */
function splitName(name: string): string[] {
  const bracket = name.indexOf('[');
  if (bracket <= 0 || !name.endsWith(']')) return [name];
  return [name.slice(0, bracket), ...name.slice(bracket + 1, -1).split('][')];
}

/** The next free index of a map that stands for an array, for `name[]=` given several times. */
function nextIndex(map: RawMap): string {
  let index = 0;
  while (map[index] !== undefined) index += 1;
  return String(index);
}

function insert(target: RawMap, path: readonly string[], name: string, value: string): void {
  let map = target;
  for (const [depth, part] of path.entries()) {
    const key = part === '' ? nextIndex(map) : part;
    if (depth === path.length - 1) {
      map[key] = value;
      return;
    }
    const inside = map[key] ?? newRawMap();
    if (typeof inside === 'string')
      throw invalidRequest(`Invalid parameter: ${name} is given as a value and as a hash`);
    map[key] = inside;
    map = inside;
  }
}

/**
 * Decodes a form-encoded body or query string with Stripe's bracket notation. Throws an {@link ApiError} for encodings
 * that cannot be read.
 */
export function decodeForm(text: string): RawMap {
  const decoded = newRawMap();
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    count += 1;
    if (count > MAX_PARAMETERS) throw invalidRequest(`Too many parameters: more than ${MAX_PARAMETERS}`);
    const path = splitName(name);
    if (path.length > MAX_DEPTH) throw invalidRequest(`Invalid parameter: ${name} is nested too deeply`);
    insert(decoded, path, name, value);
  }
  return decoded;
}
