import { invalidRequest, unsupported } from '../http/api-error.ts';
import type { Raw, RawMap } from './form.ts';

/** Reads one parameter: either the typed value or an {@link ApiError} that names `path`. */
export interface Schema<T> {
  decode(raw: Raw, path: string): T;
  /** What it wraps (the element of an array, the schema that may be empty), for those who walk schemas. */
  readonly inner?: Schema<unknown>;
}

/** A member of an object schema that must be given. */
interface Required<T> {
  readonly required: Schema<T>;
}

type Field = Schema<unknown> | Required<unknown>;
export type Fields = { readonly [name: string]: Field };

type RequiredNames<F extends Fields> = { [K in keyof F]: F[K] extends Required<unknown> ? K : never }[keyof F];
type Decoded<X> = X extends Required<infer T> ? T : X extends Schema<infer T> ? T : never;

/** The TypeScript type of what an object schema decodes to. */
export type Infer<F extends Fields> = { -readonly [K in RequiredNames<F>]: Decoded<F[K]> } & {
  -readonly [K in Exclude<keyof F, RequiredNames<F>>]?: Decoded<F[K]>;
};

export interface ObjectSchema<F extends Fields> extends Schema<Infer<F>> {
  readonly fields: F;
  /** Stripe's parameters that are refused with `sandbox_unsupported`. */
  readonly unsupported: readonly string[];
}

export function required<T>(schema: Schema<T>): Required<T> {
  return { required: schema };
}

function isRequired(field: Field): field is Required<unknown> {
  return 'required' in field;
}

function emptyValue(path: string): Error {
  return invalidRequest(
    `You passed an empty string for '${path}'. An empty value is an attempt to unset a parameter, and '${path}' cannot be unset: leave it out or give it a value.`,
    { code: 'parameter_invalid_empty', param: path },
  );
}

function text(raw: Raw, path: string): string {
  if (typeof raw !== 'string') throw invalidRequest(`Invalid string: ${path} is a hash or an array`, { param: path });
  if (raw === '') throw emptyValue(path);
  return raw;
}

export function string(options: { maxLength?: number } = {}): Schema<string> {
  const maxLength = options.maxLength ?? 5000;
  return {
    decode(raw, path) {
      const value = text(raw, path);
      if (value.length > maxLength) {
        throw invalidRequest(
          `Invalid string: ${value.slice(0, 10)}...${value.slice(-10)}; must be at most ${maxLength} characters`,
          { param: path },
        );
      }
      return value;
    },
  };
}

export function integer(options: { min?: number; max?: number } = {}): Schema<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = options;
  return {
    decode(raw, path) {
      const value = text(raw, path);
      const number = /^-?\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
      if (!Number.isSafeInteger(number)) {
        throw invalidRequest(`Invalid integer: ${value}`, { code: 'parameter_invalid_integer', param: path });
      }
      if (number < min) {
        throw invalidRequest(`This value must be greater than or equal to ${min}.`, {
          code: 'parameter_invalid_integer',
          param: path,
        });
      }
      if (number > max) {
        throw invalidRequest(`This value must be less than or equal to ${max}.`, {
          code: 'parameter_invalid_integer',
          param: path,
        });
      }
      return number;
    },
  };
}

/** Seconds since the epoch. */
export function timestamp(): Schema<number> {
  const inner = integer({ min: 0, max: 99_999_999_999 });
  return {
    decode(raw, path) {
      try {
        return inner.decode(raw, path);
      } catch {
        throw invalidRequest(`Invalid timestamp: must be an integer Unix timestamp`, {
          code: 'parameter_invalid_integer',
          param: path,
        });
      }
    },
  };
}

/** A decimal string of at most 12 places, as Stripe's `*_decimal` amounts. */
export function decimal(): Schema<string> {
  return {
    decode(raw, path) {
      const value = text(raw, path);
      if (!/^\d{1,15}(\.\d{1,12})?$/.test(value)) throw invalidRequest(`Invalid decimal: ${value}`, { param: path });
      return value;
    },
  };
}

/** The same, with a minus where something is given back. */
export function signedDecimal(): Schema<string> {
  const inner = decimal();
  return {
    inner,
    decode: (raw, path) =>
      typeof raw === 'string' && raw.startsWith('-') ? `-${inner.decode(raw.slice(1), path)}` : inner.decode(raw, path),
  };
}

export function boolean(): Schema<boolean> {
  return {
    decode(raw, path) {
      const value = text(raw, path);
      if (value === 'true' || value === '1') return true;
      if (value === 'false' || value === '0') return false;
      throw invalidRequest(`Invalid boolean: ${value}`, { param: path });
    },
  };
}

export function oneOf<const V extends string>(values: readonly V[]): Schema<V> {
  return {
    decode(raw, path) {
      const value = text(raw, path);
      const found = values.find((candidate) => candidate === value);
      if (found !== undefined) return found;
      const allowed = values.length < 2 ? values.join() : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
      throw invalidRequest(`Invalid ${path}: must be one of ${allowed}`, { param: path });
    },
  };
}

/** The empty string unsets the parameter and is decoded as it is. */
export function emptyable<T>(schema: Schema<T>): Schema<T | ''> {
  return { inner: schema, decode: (raw, path) => (raw === '' ? '' : schema.decode(raw, path)) };
}

/** Either of two forms, e.g. a timestamp or the word `now`. */
export function either<A, B>(first: Schema<A>, second: Schema<B>): Schema<A | B> {
  return {
    decode(raw, path) {
      try {
        return first.decode(raw, path);
      } catch {
        return second.decode(raw, path);
      }
    },
  };
}

export function array<T>(item: Schema<T>, options: { max?: number } = {}): Schema<T[]> {
  const max = options.max ?? 1000;
  return {
    inner: item,
    decode(raw, path) {
      if (typeof raw === 'string') {
        if (raw === '') return [];
        throw invalidRequest('Invalid array', { param: path });
      }
      const keys = Object.keys(raw);
      if (keys.some((key) => !/^\d{1,6}$/.test(key))) throw invalidRequest('Invalid array', { param: path });
      if (keys.length > max) throw invalidRequest(`Array too long: at most ${max} elements`, { param: path });
      keys.sort((a, b) => Number(a) - Number(b));
      return keys.map((key) => item.decode(raw[key] ?? '', `${path}[${key}]`));
    },
  };
}

/** Names the caller chooses; `''` as a value removes the name, `''` as the whole removes them all. */
export function metadata(): Schema<{ [key: string]: string } | ''> {
  return {
    decode(raw, path) {
      if (raw === '') return '';
      if (typeof raw === 'string') throw invalidRequest('Invalid hash', { param: path });
      const decoded: { [key: string]: string } = {};
      for (const [key, value] of Object.entries(raw)) {
        if (typeof value !== 'string') {
          throw invalidRequest(`Metadata values must be strings, but for key '${key}' a hash or an array was passed.`, {
            param: path,
          });
        }
        if (key.length > 40) {
          throw invalidRequest(`Metadata keys can have up to 40 characters, but '${key}' has ${key.length}.`, {
            param: path,
          });
        }
        if (value.length > 500) {
          throw invalidRequest(
            `Metadata values can have up to 500 characters, but the value of '${key}' has ${value.length}.`,
            { param: `${path}[${key}]` },
          );
        }
        decoded[key] = value;
      }
      return decoded;
    },
  };
}

function decodeMember(field: Field, raw: Raw | undefined, path: string): unknown {
  if (isRequired(field)) {
    if (raw === undefined) {
      throw invalidRequest(`Missing required param: ${path}.`, { code: 'parameter_missing', param: path });
    }
    return field.required.decode(raw, path);
  }
  return raw === undefined ? undefined : field.decode(raw, path);
}

function refuseUnknown(map: RawMap, fields: Fields, refused: readonly string[], path: string): void {
  for (const name of Object.keys(map)) {
    if (Object.hasOwn(fields, name)) continue;
    const full = path === '' ? name : `${path}[${name}]`;
    if (refused.includes(name)) throw unsupported(full);
    throw invalidRequest(`Received unknown parameter: ${full}`, { code: 'parameter_unknown', param: full });
  }
}

/**
 * A hash with known members. Members of Stripe's that the sandbox does not carry out are listed in `unsupportedNames` and
 * refused by name; every other unknown member is `parameter_unknown`.
 */
export function object<const F extends Fields>(fields: F, unsupportedNames: readonly string[] = []): ObjectSchema<F> {
  return {
    fields,
    unsupported: unsupportedNames,
    decode(raw, path) {
      if (typeof raw === 'string') throw invalidRequest('Invalid object', { param: path });
      refuseUnknown(raw, fields, unsupportedNames, path);
      const decoded: { [name: string]: unknown } = {};
      for (const [name, field] of Object.entries(fields)) {
        const value = decodeMember(field, raw[name], path === '' ? name : `${path}[${name}]`);
        if (value !== undefined) decoded[name] = value;
      }
      return decoded as Infer<F>;
    },
  };
}

/** A timestamp, or bounds `gt`, `gte`, `lt`, `lte`, as the `created` filter of lists takes it. */
export type Range = { gt?: number; gte?: number; lt?: number; lte?: number };

export function range(): Schema<Range> {
  const bounds = object({ gt: timestamp(), gte: timestamp(), lt: timestamp(), lte: timestamp() });
  return {
    inner: bounds,
    decode(raw, path) {
      if (typeof raw !== 'string') return bounds.decode(raw, path);
      const exact = timestamp().decode(raw, path);
      return { gte: exact, lte: exact };
    },
  };
}
