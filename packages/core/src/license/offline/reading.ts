/**
 * Reads parsed JSON by the shape that is expected of it. It is read after its signature was verified, so anything else means a writer
 * of another version, and is an `UnreadableContent` that the file's reader turns into its answer.
 */

export class UnreadableContent extends Error {
  override readonly name = 'UnreadableContent';
}

export interface JsonObject {
  readonly [name: string]: unknown;
}

/** What a JSON text says, as `read` takes it; null where it says something else. */
export function readJson<T>(json: string, read: (content: JsonObject) => T): T | null {
  try {
    return read(asObject(JSON.parse(json)));
  } catch (error) {
    if (error instanceof UnreadableContent || error instanceof SyntaxError) return null;
    throw error;
  }
}

export function asObject(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UnreadableContent('not an object');
  return value as JsonObject;
}

export function objectAt(object: JsonObject, name: string): JsonObject {
  return asObject(object[name]);
}

export function listAt(object: JsonObject, name: string): readonly unknown[] {
  const value = object[name];
  if (!Array.isArray(value)) throw new UnreadableContent(`${name} is not a list`);
  return value;
}

export function textAt(object: JsonObject, name: string): string {
  const value = object[name];
  if (typeof value !== 'string') throw new UnreadableContent(`${name} is not a text`);
  return value;
}

export function textOrNullAt(object: JsonObject, name: string): string | null {
  return object[name] === null ? null : textAt(object, name);
}

export function numberAt(object: JsonObject, name: string): number {
  const value = object[name];
  if (typeof value !== 'number') throw new UnreadableContent(`${name} is not a number`);
  return value;
}

export function flagAt(object: JsonObject, name: string): boolean {
  const value = object[name];
  if (typeof value !== 'boolean') throw new UnreadableContent(`${name} is neither true nor false`);
  return value;
}

/** An instant in ISO 8601, as milliseconds. */
export function instantAt(object: JsonObject, name: string): number {
  const instant = Date.parse(textAt(object, name));
  if (Number.isNaN(instant)) throw new UnreadableContent(`${name} is not an instant`);
  return instant;
}

export function instantOrNullAt(object: JsonObject, name: string): number | null {
  return object[name] === null ? null : instantAt(object, name);
}

export function oneOfAt<const T extends string>(object: JsonObject, name: string, known: readonly T[]): T {
  const value = object[name];
  const found = known.find((each) => each === value);
  if (found === undefined) throw new UnreadableContent(`${name} is none of ${known.join(', ')}`);
  return found;
}

/** An object whose values are all of one kind. */
export function recordAt<T>(
  object: JsonObject,
  name: string,
  valueAt: (object: JsonObject, name: string) => T,
): Record<string, T> {
  const record = objectAt(object, name);
  return Object.fromEntries(Object.keys(record).map((key) => [key, valueAt(record, key)]));
}

export function toInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

export function toInstantOrNull(milliseconds: number | null): string | null {
  return milliseconds === null ? null : toInstant(milliseconds);
}
