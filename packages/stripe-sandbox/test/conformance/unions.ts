import type { Schema } from './schema-types.ts';

/** A member of a union with the literal properties it can be told by. */
export interface UnionMember {
  schema: Schema;
  marks: Record<string, string | boolean>;
}

/**
 * A union as a chain of questions (is it `object: customer`, `deleted: true`?) where the members can be told apart, so that a
 * fault is reported inside the right member; otherwise as a plain list of alternatives.
 */
export function unionOfObjects(members: readonly UnionMember[]): Schema {
  const keys = members.map((member) => JSON.stringify(member.marks));
  if (new Set(keys).size < members.length || members.some((member) => Object.keys(member.marks).length === 0)) {
    return { anyOf: members.map((member) => member.schema) };
  }
  // A member with more marks is the more special one: a deleted customer is also an `object: customer`.
  const ordered = [...members].sort((a, b) => Object.keys(b.marks).length - Object.keys(a.marks).length);
  return ordered.reduceRight<Schema>(
    (otherwise, member) => choose(condition(member.marks), member.schema, otherwise),
    noneOf(members),
  );
}

function choose(question: Schema, yes: Schema, no: Schema): Schema {
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own name for it; nothing awaits a schema
  return { if: question, then: yes, else: no };
}

function ofType(types: string[]): Schema {
  const [only] = types;
  return { type: types.length === 1 && only !== undefined ? only : types };
}

function condition(marks: UnionMember['marks']): Schema {
  const properties = Object.fromEntries(Object.entries(marks).map(([name, value]) => [name, { const: value }]));
  return { type: 'object', properties, required: Object.keys(marks) };
}

// Reached when no member fits: names, for each mark that all members have, the values that would have been known.
function noneOf(members: readonly UnionMember[]): Schema {
  const shared = Object.keys(members[0]?.marks ?? {}).filter((name) => members.every(({ marks }) => name in marks));
  const properties = Object.fromEntries(
    shared.map((name) => [name, { enum: [...new Set(members.flatMap(({ marks }) => marks[name] ?? []))] }]),
  );
  return { type: 'object', properties, required: shared };
}

/**
 * Any of several schemas, put so that a fault is reported where it is: what kind of JSON a value is decides which of
 * them it is held against.
 */
export function alternatives(branches: readonly Schema[]): Schema {
  const arrays = branches.filter((branch) => branch.type === 'array');
  const objects = branches.filter((branch) => describesObject(branch));
  const scalars = mergeScalars(branches.filter((branch) => !arrays.includes(branch) && !objects.includes(branch)));
  const groups: [string, Schema][] = [];
  if (arrays.length > 0) groups.push(['array', anyOf(arrays)]);
  if (objects.length > 0) groups.push(['object', anyOf(objects)]);
  const last = scalars.length > 0 ? anyOf(scalars) : (groups.pop()?.[1] ?? {});
  return groups.reduceRight<Schema>((otherwise, [type, schema]) => choose({ type }, schema, otherwise), last);
}

function describesObject(schema: Schema): boolean {
  if (schema.model !== undefined || schema.type === 'object') return true;
  if (schema.anyOf !== undefined) return schema.anyOf.every(describesObject);
  return schema.then !== undefined && schema.if?.type === 'object' && schema.if.required !== undefined;
}

// TypeScript spells `boolean` in a union as its two values; lists of values and of types read best as one.
function mergeScalars(branches: readonly Schema[]): Schema[] {
  const isOneOf = (branch: Schema) => branch.const !== undefined || branch.enum !== undefined;
  const isPlainType = (branch: Schema) => branch.type !== undefined && Object.keys(branch).length === 1;
  const values = branches.filter(isOneOf).flatMap((branch) => branch.enum ?? branch.const ?? []);
  const types = branches.filter(isPlainType).flatMap((branch) => branch.type ?? []);
  const rest = branches.filter((branch) => !isOneOf(branch) && !isPlainType(branch));
  const isBoolean = values.includes(true) && values.includes(false) && !values.includes('true');
  if (isBoolean) types.push('boolean');
  const listed = isBoolean ? values.filter((value) => typeof value !== 'boolean') : values;
  const parts = [...rest];
  if (types.length > 0) parts.push(ofType([...new Set(types)]));
  if (listed.length > 0) parts.push({ enum: [...new Set(listed)] });
  return parts;
}

function anyOf(schemas: Schema[]): Schema {
  const [only] = schemas;
  return schemas.length === 1 && only !== undefined ? only : { anyOf: schemas };
}
