import ts from 'typescript-compiler-api';
import type { Schema } from './schema-types.ts';
import { alternatives, unionOfObjects } from './unions.ts';

/**
 * How a type is meant. An `answer` is JSON from Stripe. A `request` is form encoded: numbers and booleans may be their
 * text, and null is the empty string. `previous` attributes are an answer of which any part may be missing or null.
 */
export type Meaning = 'answer' | 'request' | 'previous';

const decimal = '^-?\\d+(\\.\\d+)?$';
// The types say `number` for both; only these are ever fractional.
const fractional = /percent|percentage|rate|latitude|longitude|aggregated_value|score|multiplier|ratio/;

/** Writes JSON Schema for the SDK's types; every named type becomes a model of its own, written once. */
export class SchemaWriter {
  readonly models: Record<string, Schema> = {};
  private readonly checker: ts.TypeChecker;

  constructor(checker: ts.TypeChecker) {
    this.checker = checker;
  }

  /** The schema of a type as it appears under the property `name`. */
  write(type: ts.Type, meaning: Meaning, name = ''): Schema {
    if (isDecimal(type)) return { type: 'string', pattern: decimal };
    if (type.isUnion()) return this.union(type, meaning, name);
    const primitive = this.primitive(type, meaning, name);
    if (primitive !== undefined) return primitive;
    if (isOpenString(type)) return { type: 'string' };
    const element = this.elementOf(type);
    if (element !== undefined) return { type: 'array', items: this.write(element, meaning, name) };
    return this.object(type, meaning);
  }

  private primitive(type: ts.Type, meaning: Meaning, name: string): Schema | undefined {
    if (type.isStringLiteral()) return { const: type.value };
    if (type.isNumberLiteral())
      return meaning === 'request' ? { enum: [type.value, String(type.value)] } : { const: type.value };
    if (type.flags & ts.TypeFlags.BooleanLiteral) {
      const value = this.checker.typeToString(type) === 'true';
      return meaning === 'request' ? { enum: [value, String(value)] } : { const: value };
    }
    if (type.flags & ts.TypeFlags.String) return { type: 'string' };
    if (type.flags & ts.TypeFlags.Number) return numberSchema(meaning, name);
    if (type.flags & ts.TypeFlags.Boolean) return booleanSchema(meaning);
    if (type.flags & ts.TypeFlags.Null) return meaning === 'request' ? { enum: ['', null] } : { type: 'null' };
    if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {};
    return undefined;
  }

  private union(type: ts.UnionType, meaning: Meaning, name: string): Schema {
    const members = type.types.filter((member) => !isAbsent(member));
    const values: (string | number | boolean)[] = [];
    const objects: ts.Type[] = [];
    const others: Schema[] = [];
    const hasLiteral = members.some((member) => member.isStringLiteral());
    for (const member of members) {
      if (member.isStringLiteral()) values.push(member.value);
      // Open to values that come later: what is sent today is nevertheless one of today's.
      else if (isOpenString(member) && hasLiteral) continue;
      else if (member.flags & ts.TypeFlags.Object && !isDecimal(member) && this.elementOf(member) === undefined) {
        objects.push(member);
      } else others.push(this.write(member, meaning, name));
    }
    const branches = [...others];
    if (values.length > 0) branches.push({ enum: values });
    if (objects.length > 0) branches.push(this.objects(objects, meaning));
    return alternatives(branches);
  }

  private objects(members: ts.Type[], meaning: Meaning): Schema {
    const [only] = members;
    if (members.length === 1 && only !== undefined) return this.object(only, meaning);
    return unionOfObjects(
      members.map((member) => ({ schema: this.object(member, meaning), marks: this.marks(member) })),
    );
  }

  // The literal properties by which a reader tells the members of a union apart.
  private marks(type: ts.Type): Record<string, string | boolean> {
    const marks: Record<string, string | boolean> = {};
    for (const name of ['object', 'deleted', 'type']) {
      const property = type.getProperty(name);
      if (property === undefined || property.flags & ts.SymbolFlags.Optional) continue;
      const value = this.checker.getTypeOfSymbol(property);
      if (value.isStringLiteral()) marks[name] = value.value;
      else if (this.checker.typeToString(value) === 'true') marks[name] = true;
    }
    return marks;
  }

  private object(type: ts.Type, meaning: Meaning): Schema {
    const name = modelName(this.checker, type);
    if (name === undefined) return this.shape(type, meaning);
    const key = meaning === 'answer' ? name : `${meaning} ${name}`;
    if (this.models[key] === undefined) {
      this.models[key] = {};
      this.models[key] = this.shape(type, meaning);
    }
    return { model: key };
  }

  private shape(type: ts.Type, meaning: Meaning): Schema {
    const index = this.checker.getIndexInfoOfType(type, ts.IndexKind.String);
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    for (const symbol of this.checker.getPropertiesOfType(type)) {
      const written = this.checker.getTypeOfSymbol(symbol);
      // `deleted?: void` says that there is no such property.
      if (isAbsent(this.checker.getNonNullableType(written)) && !(written.flags & ts.TypeFlags.Null)) continue;
      const value = this.write(written, meaning, symbol.name);
      properties[symbol.name] = meaning === 'previous' ? orNull(value) : value;
      if (meaning !== 'previous' && !(symbol.flags & ts.SymbolFlags.Optional)) required.push(symbol.name);
    }
    const rest = index === undefined ? false : this.write(index.type, meaning);
    const additionalProperties = rest === false || meaning !== 'previous' ? rest : orNull(rest);
    return { type: 'object', properties, ...(required.length > 0 && { required }), additionalProperties };
  }

  private elementOf(type: ts.Type): ts.Type | undefined {
    return this.checker.isArrayType(type) ? this.checker.getTypeArguments(type as ts.TypeReference)[0] : undefined;
  }
}

function numberSchema(meaning: Meaning, name: string): Schema {
  if (fractional.test(name)) {
    return meaning === 'request' ? { type: ['number', 'string'], pattern: decimal } : { type: 'number' };
  }
  return meaning === 'request' ? { type: ['integer', 'string'], pattern: '^-?\\d+$' } : { type: 'integer' };
}

function booleanSchema(meaning: Meaning): Schema {
  return meaning === 'request' ? { enum: [true, false, 'true', 'false'] } : { type: 'boolean' };
}

function orNull(schema: Schema): Schema {
  return Object.keys(schema).length === 0 ? schema : alternatives([{ type: 'null' }, schema]);
}

function isAbsent(type: ts.Type): boolean {
  return (type.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void | ts.TypeFlags.Never)) !== 0;
}

// The SDK's `OtherString` is `string & Record<never, never>`.
function isOpenString(type: ts.Type): boolean {
  return type.isIntersection() && type.types.some((part) => (part.flags & ts.TypeFlags.String) !== 0);
}

function isDecimal(type: ts.Type): boolean {
  return type.aliasSymbol?.name === 'Decimal' || type.symbol?.name === 'DecimalImpl';
}

function modelName(checker: ts.TypeChecker, type: ts.Type): string | undefined {
  const symbol = type.aliasSymbol ?? type.symbol;
  if (symbol === undefined || symbol.name.startsWith('__')) return undefined;
  const named = checker
    .getFullyQualifiedName(symbol)
    .replace(/^".*\/(?:esm|resources)\/(?:resources\/)?([^"]+)"\./, '$1:');
  const typeArguments = type.aliasTypeArguments ?? checker.getTypeArguments(type as ts.TypeReference);
  if (typeArguments.length === 0) return named;
  const inner = typeArguments.map((argument) => modelName(checker, argument) ?? checker.typeToString(argument));
  return `${named}<${inner.join(', ')}>`;
}
