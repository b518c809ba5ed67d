import { LONGEST_KEY } from '../keys.ts';
import type { PlainQuestion } from '../ready-answers.ts';

const LONGEST_PRODUCT = 100;
const LONGEST_FINGERPRINT = 255;

/**
 * Reads a plain question out of a body as `validateBody` would, without its cost. Null for whatever else it holds, and for
 * everything that `validateBody` would refuse or change: that is for the schema, and a field added there needs nothing here.
 */
export function plainQuestion(body: unknown): PlainQuestion | null {
  if (!isObject(body)) return null;
  let machine: unknown;
  for (const name in body) {
    if (name === 'machine') machine = body[name];
    else if (name !== 'key' && name !== 'product') return null;
  }
  const { key, product } = body;
  if (!isText(key, LONGEST_KEY)) return null;
  if (product !== undefined && !isText(product, LONGEST_PRODUCT)) return null;
  if (machine === undefined) return { key, product, fingerprint: undefined };
  if (!isObject(machine)) return null;
  for (const name in machine) if (name !== 'fingerprint') return null;
  const { fingerprint } = machine;
  if (!isText(fingerprint, LONGEST_FINGERPRINT) || fingerprint !== fingerprint.trim()) return null;
  return { key, product, fingerprint };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= longest;
}
