import type { ConformanceDocument, Schema } from './schema-types.ts';

/** The smallest value that fits a schema: required properties only, no expanded objects, nothing null that can be more. */
export function exampleOf(document: ConformanceDocument, schema: Schema): unknown {
  if (schema.model !== undefined) return exampleOf(document, document.models[schema.model] ?? {});
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf !== undefined) return exampleOf(document, schema.anyOf[0] ?? {});
  if (schema.if !== undefined) return exampleOf(document, branchOf(schema));
  return exampleOfType(document, schema);
}

// A condition on the kind of JSON offers a plain value in its else; a chain of marks offers objects in its then.
function branchOf(schema: Schema): Schema {
  const byKind = schema.if?.required === undefined;
  return (byKind ? schema.else : schema.then) ?? {};
}

function exampleOfType(document: ConformanceDocument, schema: Schema): unknown {
  const types = [schema.type ?? 'null'].flat();
  const type = types.find((one) => one !== 'null') ?? 'null';
  if (type === 'string') return schema.pattern === undefined ? 'text' : '1';
  if (type === 'integer' || type === 'number') return 1;
  if (type === 'boolean') return false;
  if (type === 'array') return [];
  if (type === 'null') return null;
  const required = schema.required ?? [];
  return Object.fromEntries(required.map((name) => [name, exampleOf(document, schema.properties?.[name] ?? {})]));
}
