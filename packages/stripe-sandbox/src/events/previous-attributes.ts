import { isList, isObject, type Json, type JsonObject } from '../json.ts';

function same(a: Json | undefined, b: Json | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * The attributes that `after` changed, with the values they had `before`, as an event's `previous_attributes` shows them:
 * hashes are cut down to their changed members, members that were not there are null, lists and arrays are shown whole.
 * Undefined when nothing changed.
 */
export function previousAttributes(before: JsonObject, after: JsonObject): JsonObject | undefined {
  const previous: JsonObject = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = before[name];
    const is = after[name];
    if (same(was, is)) continue;
    if (isObject(was) && isObject(is) && !isList(was)) previous[name] = previousAttributes(was, is) ?? was;
    else previous[name] = was ?? null;
  }
  return Object.keys(previous).length === 0 ? undefined : previous;
}
