import ts from 'typescript-compiler-api';
import type { ConformanceDocument, RouteSchemas, Schema } from './schema-types.ts';
import { SchemaWriter } from './schema-writer.ts';
import { exportedType, openSdk, type SdkProgram, sdkVersions } from './sdk-program.ts';
import { readSdkRoutes } from './sdk-routes.ts';

/** Walks the SDK's declarations and writes down, as JSON Schema, everything they say about requests, answers and events. */
export function generateConformanceDocument(folder: string): ConformanceDocument {
  const sdk = openSdk(folder);
  const writer = new SchemaWriter(sdk.checker);
  return {
    ...sdkVersions(folder),
    routes: writeRoutes(sdk, writer),
    events: writeEvents(sdk, writer),
    error: {
      type: 'object',
      properties: { error: errorSchema(sdk, writer) },
      required: ['error'],
      additionalProperties: false,
    },
    models: writer.models,
  };
}

function writeRoutes(sdk: SdkProgram, writer: SchemaWriter): Record<string, RouteSchemas> {
  const routes: Record<string, RouteSchemas> = {};
  for (const { module, className, methodName, route } of readSdkRoutes(`${sdk.folder}/resources`)) {
    // The first method of a route describes it; the SDK names a few twice.
    if (routes[route] !== undefined) continue;
    const method = methodDeclaration(sdk.source(`resources/${module}`), className, methodName);
    if (method?.type !== undefined) {
      routes[route] = { params: paramsSchema(sdk, writer, method), answer: answerSchema(sdk, writer, method.type) };
    }
  }
  return routes;
}

function methodDeclaration(source: ts.SourceFile, className: string, name: string): ts.MethodDeclaration | undefined {
  for (const statement of source.statements) {
    if (!ts.isClassDeclaration(statement) || statement.name?.text !== className) continue;
    const methods = statement.members.filter(ts.isMethodDeclaration);
    return methods.find((method) => ts.isIdentifier(method.name) && method.name.text === name);
  }
  return undefined;
}

function paramsSchema(sdk: SdkProgram, writer: SchemaWriter, method: ts.MethodDeclaration): Schema {
  const params = method.parameters.find(
    (parameter) => ts.isIdentifier(parameter.name) && parameter.name.text === 'params',
  );
  if (params?.type === undefined) return { type: 'object', properties: {}, additionalProperties: false };
  const type = sdk.checker.getNonNullableType(sdk.checker.getTypeFromTypeNode(params.type));
  return writer.write(type, 'request');
}

function answerSchema(sdk: SdkProgram, writer: SchemaWriter, promise: ts.TypeNode): Schema {
  const [wrapper, inner] = unwrap(promise);
  if (inner === undefined) throw new Error(`cannot read the answer of ${promise.getText()}`);
  const [response, answer] = unwrap(inner);
  const type = sdk.checker.getTypeFromTypeNode(response === 'Response' && answer !== undefined ? answer : inner);
  // Events are written once, apart, with what the declarations do not say about previous attributes.
  const isEvent = type === exportedType(sdk, 'resources/Events', 'Event');
  const schema: Schema = isEvent ? { event: true } : writer.write(type, 'answer');
  return wrapper === 'Promise' ? schema : listSchema(wrapper, schema);
}

function unwrap(node: ts.TypeNode): [string, ts.TypeNode | undefined] {
  if (!ts.isTypeReferenceNode(node)) return ['', undefined];
  return [node.typeName.getText(), node.typeArguments?.[0]];
}

// The SDK answers lists as promises that are also iterators; on the wire they are these objects.
function listSchema(wrapper: string, items: Schema): Schema {
  const data: Schema = { type: 'array', items };
  const url: Schema = { type: 'string' };
  const has_more: Schema = { type: 'boolean' };
  const closed = (properties: Record<string, Schema>, optional: string[] = []): Schema => ({
    type: 'object',
    properties,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    additionalProperties: false,
  });
  if (wrapper === 'ApiListPromise') return closed({ object: { const: 'list' }, data, has_more, url });
  if (wrapper === 'ApiSearchResultPromise') {
    const next_page: Schema = { type: ['string', 'null'] };
    const object: Schema = { const: 'search_result' };
    const total_count: Schema = { type: 'integer' };
    return closed({ object, data, has_more, url, next_page, total_count }, ['total_count']);
  }
  const page: Schema = { type: ['string', 'null'] };
  return closed({ data, next_page_url: page, previous_page_url: page }, ['previous_page_url']);
}

function writeEvents(sdk: SdkProgram, writer: SchemaWriter): Record<string, Schema> {
  const { checker } = sdk;
  const events: Record<string, Schema> = {};
  const all = exportedType(sdk, 'resources/Events', 'Event');
  for (const member of all.isUnion() ? all.types : []) {
    const type = propertyType(checker, member, 'type');
    const data = propertyType(checker, member, 'data');
    if (!type?.isStringLiteral() || data === undefined)
      throw new Error('the SDK declares an event without type or data');
    events[type.value] = eventSchema(checker, writer, member, data);
  }
  return events;
}

function eventSchema(checker: ts.TypeChecker, writer: SchemaWriter, event: ts.Type, data: ts.Type): Schema {
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const symbol of checker.getPropertiesOfType(event)) {
    const type = checker.getTypeOfSymbol(symbol);
    properties[symbol.name] = symbol.name === 'data' ? dataSchema(checker, writer, data) : writer.write(type, 'answer');
    if (!(symbol.flags & ts.SymbolFlags.Optional)) required.push(symbol.name);
  }
  return { type: 'object', properties, required, additionalProperties: false };
}

function dataSchema(checker: ts.TypeChecker, writer: SchemaWriter, data: ts.Type): Schema {
  const object = propertyType(checker, data, 'object');
  if (object === undefined) throw new Error('the SDK declares an event without data.object');
  const properties: Record<string, Schema> = { object: writer.write(object, 'answer') };
  // What changed is any part of the object, however deep; the declared `Partial` reaches only the first level.
  if (data.getProperty('previous_attributes')) properties.previous_attributes = writer.write(object, 'previous');
  return { type: 'object', properties, required: ['object'], additionalProperties: false };
}

// The SDK adds what it knows of the transport to the error it throws; the wire has the rest.
const addedByTheSdk = ['headers', 'requestId', 'statusCode', 'exception', 'detail', 'user_message'];

function errorSchema(sdk: SdkProgram, writer: SchemaWriter): Schema {
  const raw = exportedType(sdk, 'Types', 'StripeRawError');
  const properties: Record<string, Schema> = {};
  for (const symbol of sdk.checker.getPropertiesOfType(raw)) {
    if (addedByTheSdk.includes(symbol.name)) continue;
    properties[symbol.name] = writer.write(sdk.checker.getTypeOfSymbol(symbol), 'answer');
  }
  return { type: 'object', properties, required: ['type', 'message'], additionalProperties: false };
}

function propertyType(checker: ts.TypeChecker, type: ts.Type, name: string): ts.Type | undefined {
  const symbol = checker.getPropertyOfType(type, name);
  return symbol && checker.getTypeOfSymbol(symbol);
}
