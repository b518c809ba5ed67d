import { invalidRequest } from '../http/api-error.ts';
import type { Metadata } from '../objects/parts.ts';

const MAX_KEYS = 50;

/**
 * Merges metadata as Stripe does: given keys are set, a key given as `''` is removed, the others stay; `''` instead of a
 * hash removes them all. More than 50 keys are refused.
 */
export function mergeMetadata(current: Metadata, given: Metadata | '' | undefined): Metadata {
  if (given === undefined) return current;
  if (given === '') return {};
  const merged = { ...current };
  for (const [key, value] of Object.entries(given)) {
    if (value === '') delete merged[key];
    else merged[key] = value;
  }
  if (Object.keys(merged).length > MAX_KEYS) {
    throw invalidRequest(
      `You can have up to ${MAX_KEYS} metadata keys, but this would make ${Object.keys(merged).length}.`,
      {
        param: 'metadata',
      },
    );
  }
  return merged;
}
