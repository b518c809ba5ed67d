import { Ajv, type ErrorObject, type SchemaValidateFunction, type ValidateFunction } from 'ajv';
import type { ConformanceDocument, Schema } from './schema-types.ts';

/** Says where a value departs from the SDK's types: one line a fault, none when it conforms. */
export interface ConformanceValidator {
  document: ConformanceDocument;
  faults(schema: Schema, value: unknown): string[];
}

type Inner = (value: unknown, path: string) => ErrorObject[];

/**
 * A validator over the whole document. Each model is compiled when the first value reaches it: of thousands, a test run
 * meets a few hundred.
 */
export function createValidator(document: ConformanceDocument): ConformanceValidator {
  const ajv = new Ajv({ allErrors: true, strict: false });
  const compiled = new Map<Schema, ValidateFunction>();
  const check = (schema: Schema, value: unknown, path: string): ErrorObject[] => {
    let validate = compiled.get(schema);
    if (validate === undefined) {
      validate = ajv.compile(schema);
      compiled.set(schema, validate);
    }
    if (validate(value)) return [];
    return (validate.errors ?? []).map((error) => ({ ...error, instancePath: path + error.instancePath }));
  };
  ajv.addKeyword({
    keyword: 'model',
    errors: 'full',
    validate: delegate((name, value, path) => check(document.models[String(name)] ?? {}, value, path)),
  });
  ajv.addKeyword({
    keyword: 'event',
    errors: 'full',
    validate: delegate((_true, value, path) => check(eventSchema(document, value), value, path)),
  });
  return {
    document,
    faults: (schema, value) => [
      ...new Set(
        check(schema, value, '')
          .filter(isTelling)
          .map((error) => describe(error, value)),
      ),
    ],
  };
}

function delegate(inner: (keyword: unknown, ...rest: Parameters<Inner>) => ErrorObject[]): SchemaValidateFunction {
  const validate: SchemaValidateFunction = (keyword: unknown, value: unknown, _parent, context) => {
    const errors = inner(keyword, value, context?.instancePath ?? '');
    validate.errors = errors;
    return errors.length === 0;
  };
  return validate;
}

/** The schema of the event's type, or one that names the fault when there is no such type. */
function eventSchema(document: ConformanceDocument, event: unknown): Schema {
  const type = typeof event === 'object' && event !== null && 'type' in event ? String(event.type) : '';
  const known = Object.hasOwn(document.events, type) ? document.events[type] : undefined;
  return known ?? { type: 'object', required: ['type'], properties: { type: { enum: Object.keys(document.events) } } };
}

// That a condition's branch failed is said by the branch itself.
function isTelling(error: ErrorObject): boolean {
  return error.keyword !== 'if';
}

function describe(error: ErrorObject, root: unknown): string {
  const path = error.instancePath === '' ? '/' : error.instancePath;
  return `${path} ${error.message ?? error.keyword}${detail(error, root)}`;
}

function detail(error: ErrorObject, root: unknown): string {
  if (error.keyword === 'additionalProperties') return `: ${JSON.stringify(error.params.additionalProperty)}`;
  if (error.keyword === 'required') return '';
  const allowed: unknown = error.keyword === 'enum' ? error.params.allowedValues : undefined;
  const expected = Array.isArray(allowed) ? ` (${excerpt(allowed)})` : '';
  return `${expected}, not ${excerpt(valueAt(root, error.instancePath))}`;
}

function valueAt(root: unknown, path: string): unknown {
  const names = path
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  return names.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], root);
}

function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
