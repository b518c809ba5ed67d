/** `${env:NAME}` and `${env:NAME:-default}` in a catalog: values that differ from one installation to the next. */

import { type FieldPath, formatPath } from './problem.ts';
import type { Finding } from './shape.ts';

/** The environment as it was handed in; the catalog never reads the process's own. */
export type Environment = Readonly<Record<string, string | undefined>>;

const REFERENCE = /^\$\{env:([A-Z][A-Z0-9_]{0,99})(?::-([^}]*))?\}$/;
const WELL_FORMED_ELSEWHERE = /\$\{env:/;

/** Fields that name a variable whose value must never enter the catalog. */
const NAMES_ONLY = new Set(['key.secret']);

/** The variable that a whole value refers to, or null when it is not a reference. */
export function referencedVariable(value: string): string | null {
  return REFERENCE.exec(value)?.[1] ?? null;
}

/**
 * A copy of the values in which references are replaced. A variable's text becomes a number, true, false or null (when
 * it is empty) where it reads as one, as it would have been had it been written in the file.
 */
export function substitute(value: unknown, environment: Environment, unresolved: Finding[]): unknown {
  const walk = (current: unknown, path: FieldPath): unknown => {
    if (typeof current === 'string') return resolve(current, path);
    if (Array.isArray(current)) return current.map((item, index) => walk(item, [...path, index]));
    if (typeof current !== 'object' || current === null) return current;
    const copy: Record<string, unknown> = Object.create(null);
    for (const [name, item] of Object.entries(current)) copy[name] = walk(item, [...path, name]);
    return copy;
  };
  const resolve = (text: string, path: FieldPath): unknown => {
    if (NAMES_ONLY.has(formatPath(path)) || !WELL_FORMED_ELSEWHERE.test(text)) return text;
    const [, variable, fallback] = REFERENCE.exec(text) ?? [];
    if (variable === undefined) {
      unresolved.push({
        path,
        message: 'has an environment reference in the midst of other text, or one that is not well formed',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the reference as it is to be written
        remedy: 'Write the reference alone: ${env:NAME} or ${env:NAME:-default}.',
      });
      return undefined;
    }
    const found = environment[variable] ?? fallback;
    if (found !== undefined) return scalar(found.trim());
    unresolved.push({
      path,
      message: `needs the environment variable ${variable}, which is not set`,
      remedy: `Set ${variable}, or give a default: \${env:${variable}:-value}.`,
    });
    return undefined;
  };
  return walk(value, []);
}

function scalar(text: string): unknown {
  if (text === '') return null;
  if (text === 'true') return true;
  if (text === 'false') return false;
  return /^-?\d{1,15}(\.\d{1,9})?$/.test(text) ? Number(text) : text;
}
