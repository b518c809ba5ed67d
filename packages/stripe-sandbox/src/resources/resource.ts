import type { Json, JsonObject } from '../json.ts';
import type { ObjectName } from '../objects/index.ts';
import type { RawMap } from '../parameters/form.ts';
import { array, type Fields, type Infer, type ObjectSchema, string } from '../parameters/schema.ts';
import type { Work } from '../work.ts';

/** The values of a route's `{placeholders}`. */
export type PathValues = { readonly [name: string]: string };

/** A request whose parameters have been read; what it does has not begun. */
export type Prepared = {
  /** The decoded parameters, for observers. */
  params: JsonObject;
  expand: string[];
  execute(work: Work, path: PathValues): JsonObject;
};

export interface Operation {
  readonly method: 'DELETE' | 'GET' | 'POST';
  /** As Stripe's reference writes it: `/v1/customers/{customer}`. */
  readonly route: string;
  /** What it reads and what it refuses by name, `expand` aside. */
  readonly params: ObjectSchema<Fields>;
  /** Throws an {@link ApiError} when the parameters are not what the schema says. */
  prepare(raw: RawMap): Prepared;
}

/** How a member of an object becomes a whole object when a caller names it in `expand`. */
export type Expansion =
  /** The member holds the id of such an object. */
  | ObjectName
  /** The member is computed, and usually shown only when asked for; undefined when this object has none. */
  | ((work: Work, owner: JsonObject) => Json | undefined);

/**
 * One of Stripe's resources: the object it shows, its calls and what can be expanded in it. Adding a resource is adding a
 * file with one of these and naming it in the registry.
 */
export interface Resource {
  /** Stripe's `object` name, e.g. `checkout.session`. */
  readonly object: string;
  readonly operations: readonly Operation[];
  /** Keys are member names, dotted for members of plain hashes: `invoice_settings.default_payment_method`. */
  readonly expandable: { readonly [member: string]: Expansion };
  /** Completes the object at the moment it is shown, for what would otherwise have to be kept up to date in several places. */
  readonly present?: (work: Work, object: JsonObject) => JsonObject;
}

const EXPAND = array(string(), { max: 100 });

/** Declares a call: its route, its parameters, and what it does once they are known to be good. */
export function operation<const F extends Fields>(declaration: {
  method: Operation['method'];
  route: string;
  params: ObjectSchema<F>;
  run: (work: Work, params: Infer<F>, path: PathValues) => JsonObject;
}): Operation {
  const { method, route, params, run } = declaration;
  return {
    method,
    route,
    params,
    prepare(raw) {
      const { expand, ...rest } = raw;
      const paths = expand === undefined ? [] : EXPAND.decode(expand, 'expand');
      const decoded = params.decode(rest, '');
      return {
        params: { ...(decoded as JsonObject), ...(paths.length === 0 ? {} : { expand: paths }) },
        expand: paths,
        execute: (work, path) => run(work, decoded, path),
      };
    },
  };
}

/** The value of a placeholder that the route is known to have. */
export function pathValue(path: PathValues, name: string): string {
  const value = path[name];
  if (value === undefined) throw new Error(`The route has no {${name}}`);
  return value;
}
