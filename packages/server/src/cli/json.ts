/** Reads answers whose shape the server vouches for, without trusting it: what is missing is shown as missing. */

/** The value at `path` (`license.expires_at`, `data`), or undefined. */
export function at(value: unknown, path: string): unknown {
  let current = value;
  for (const name of path.split('.')) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, name)) return undefined;
    current = (current as Record<string, unknown>)[name];
  }
  return current;
}

/** The text at `path`, or undefined when there is none. */
export function textAt(value: unknown, path: string): string | undefined {
  const found = at(value, path);
  return typeof found === 'string' ? found : undefined;
}

/** The items of a list's answer, or of an answer that is itself a list. */
export function itemsOf(answer: unknown): readonly unknown[] {
  const list = Array.isArray(answer) ? answer : at(answer, 'data');
  return Array.isArray(list) ? list : [];
}
