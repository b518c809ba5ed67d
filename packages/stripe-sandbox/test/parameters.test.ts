import { beforeAll, describe, expect, it } from 'vitest';
import type { Fields, ObjectSchema, Schema as Parameter } from '../src/parameters/schema.ts';
import { RESOURCES } from '../src/resources/registry.ts';
import { loadConformanceDocument } from './conformance/document.ts';
import type { ConformanceDocument, Schema } from './conformance/schema-types.ts';
import { routeKey } from './conformance/sdk-routes.ts';

let document: ConformanceDocument;
beforeAll(async () => {
  document = await loadConformanceDocument();
});

/** The members an SDK schema knows, behind names, arrays and the forms that unset. */
function knownMembers(schema: Schema | undefined): Record<string, Schema> | undefined {
  if (schema === undefined) return undefined;
  if (schema.model !== undefined) return knownMembers(document.models[schema.model]);
  const next = schema.items ?? schema.then ?? schema.anyOf?.find((one) => knownMembers(one) !== undefined);
  return schema.properties ?? (next === undefined ? undefined : knownMembers(next));
}

function isObjectSchema(schema: Parameter<unknown>): schema is ObjectSchema<Fields> {
  return 'fields' in schema;
}

/** Behind arrays and schemas that may be empty. */
function unwrapped(schema: Parameter<unknown>): Parameter<unknown> {
  return schema.inner === undefined ? schema : unwrapped(schema.inner);
}

/** Parameters of the SDK's that are neither read nor refused by name, and names of ours that the SDK does not know. */
function differences(ours: ObjectSchema<Fields>, theirs: Record<string, Schema>, path: string): string[] {
  const found: string[] = [];
  for (const name of Object.keys(theirs)) {
    if (name === 'expand' || Object.hasOwn(ours.fields, name) || ours.unsupported.includes(name)) continue;
    found.push(`${path}.${name} is the SDK's and would be called unknown`);
  }
  for (const name of [...Object.keys(ours.fields), ...ours.unsupported]) {
    if (!Object.hasOwn(theirs, name)) found.push(`${path}.${name} is not the SDK's`);
  }
  for (const [name, field] of Object.entries(ours.fields)) {
    const inner = unwrapped('required' in field ? field.required : field);
    const members = knownMembers(theirs[name]);
    if (isObjectSchema(inner) && members !== undefined) found.push(...differences(inner, members, `${path}.${name}`));
  }
  return found;
}

describe('the parameters of a call', () => {
  const operations = RESOURCES.flatMap((resource) => resource.operations);

  it.each(operations.map((operation) => [routeKey(operation.method, operation.route), operation] as const))(
    '%s: every one of the SDK is read or refused by name, and no other is taken',
    (key, operation) => {
      const theirs = knownMembers(document.routes[key]?.params) ?? {};
      expect(differences(operation.params, theirs, '')).toEqual([]);
    },
  );
});
