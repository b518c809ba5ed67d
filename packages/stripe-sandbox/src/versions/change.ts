import type { JsonObject } from '../json.ts';
import type { ObjectStore } from '../store/objects.ts';

/**
 * One change of Stripe's API that older callers must not see. Answers are made in the newest version's shape; for a caller
 * of a version before `version`, `older` turns each object of the change back into what it was.
 */
export interface VersionChange {
  /** The version that brought the change; callers of it and later ones see the new shape. */
  readonly version: string;
  /** By `object` name. Gets a copy it may change, and answers what the older version showed. */
  readonly older: { readonly [object: string]: (body: JsonObject, objects: ObjectStore) => JsonObject };
}
