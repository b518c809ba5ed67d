import { invalidRequest } from '../http/api-error.ts';
import { newRawMap, type Raw, type RawMap } from './form.ts';

const MAX_DEPTH = 12;

/** A JSON value as a form would have given it: text, and maps of what has members. */
function toRaw(value: unknown, depth: number): Raw {
  if (depth > MAX_DEPTH) throw invalidRequest('Invalid JSON: it is nested too deeply');
  if (typeof value !== 'object') return String(value);
  const map = newRawMap();
  for (const [name, member] of Object.entries(value ?? {})) {
    // Null is as good as not given.
    if (member !== null) map[name] = toRaw(member, depth + 1);
  }
  return map;
}

/** Decodes the body of a call under `/v2`: a JSON object. Throws an {@link ApiError} for anything else. */
export function decodeJson(text: string): RawMap {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidRequest('Invalid JSON in the body of the request');
  }
  const raw = toRaw(value, 0);
  if (typeof raw === 'string' || Array.isArray(value))
    throw invalidRequest('The body of the request must be a JSON object');
  return raw;
}

/** Every text in a JSON body; none where it is not JSON. */
export function textsIn(body: string): string[] {
  const texts: string[] = [];
  try {
    JSON.parse(body, (_name, value: unknown) => {
      if (typeof value === 'string') texts.push(value);
      return value;
    });
  } catch {
    return [];
  }
  return texts;
}
