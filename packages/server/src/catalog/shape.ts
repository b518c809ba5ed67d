/** Turns what zod says of a document into problems that name the field, the value and the remedy. */

import { z } from 'zod';
import { type FieldPath, nearest, quote } from './problem.ts';
import { type ProductSource, productSource } from './source-schema.ts';

export interface Finding {
  path: FieldPath;
  /** Point at the field's name rather than at its value. */
  atName?: boolean;
  message: string;
  remedy: string;
}

/** The document as a product, or what is wrong with its fields. */
export function readShape(value: unknown): { source: ProductSource } | { findings: Finding[] } {
  const result = productSource.safeParse(value);
  if (result.success) return { source: result.data };
  return { findings: result.error.issues.flatMap((issue) => findings(issue, value)) };
}

function findings(issue: z.core.$ZodIssue, value: unknown): Finding[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownField([...path, key]));
  if (issue.code === 'invalid_key') {
    const [reason] = issue.issues;
    const { requirement, remedy } = split(reason?.message ?? issue.message);
    return [{ path, atName: true, message: `as a name ${requirement}`, remedy }];
  }
  const found = valueAt(value, path);
  const { requirement, remedy } = split(issue.message);
  if (found === undefined) return [{ path, message: 'is missing', remedy }];
  const meant =
    issue.code === 'invalid_value' && typeof found === 'string' ? nearest(found, issue.values.map(String)) : null;
  const hint = meant === null ? '' : `Did you mean ${meant}? `;
  // Somebody may have written the secret itself where its name belongs; a report is not the place to repeat it.
  const got = path.join('.') === 'key.secret' ? '' : ` (got ${quote(found)})`;
  return [{ path, message: `${requirement}${got}`, remedy: `${hint}${remedy}` }];
}

function unknownField(path: FieldPath): Finding {
  const name = String(path.at(-1));
  const known = fieldsAt(path.slice(0, -1));
  const meant = nearest(name, known);
  const remedy = meant === null ? `Known here: ${known.join(', ')}.` : `Did you mean ${meant}?`;
  return { path, atName: true, message: 'is not a field of the catalog', remedy };
}

function split(message: string): { requirement: string; remedy: string } {
  const [requirement = message, remedy = 'See docs/catalog.md.'] = message.split('\n');
  return { requirement, remedy };
}

function valueAt(value: unknown, path: FieldPath): unknown {
  let current: unknown = value;
  for (const part of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string | number, unknown>)[part];
  }
  return current;
}

interface SchemaNode {
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  additionalProperties?: SchemaNode | boolean;
  anyOf?: SchemaNode[];
}

/** The names that the schema knows at a place. */
function fieldsAt(path: FieldPath): string[] {
  let nodes: SchemaNode[] = [z.toJSONSchema(productSource, { io: 'input' }) as SchemaNode];
  for (const part of path) {
    nodes = nodes
      .flatMap((node) => node.anyOf ?? [node])
      .flatMap((node) => {
        if (typeof part === 'number') return node.items ?? [];
        const extra = typeof node.additionalProperties === 'object' ? [node.additionalProperties] : [];
        return node.properties?.[part] ?? extra;
      });
  }
  return nodes.flatMap((node) => node.anyOf ?? [node]).flatMap((node) => Object.keys(node.properties ?? {}));
}
