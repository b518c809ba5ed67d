import { invalidRequest } from '../http/api-error.ts';
import { isList, isObject, type Json, type JsonObject } from '../json.ts';
import { resourceOf } from '../resources/registry.ts';
import type { Expansion } from '../resources/resource.ts';
import type { Work } from '../work.ts';

const MAX_EXPAND_DEPTH = 4;

/** The object as it is at this moment, completed by its resource. */
function present(work: Work, object: JsonObject): JsonObject {
  const complete = resourceOf(object.object)?.present;
  return complete === undefined ? object : complete(work, object);
}

function presentAll(work: Work, body: JsonObject): JsonObject {
  if (!isList(body)) return present(work, body);
  return { ...body, data: body.data.map((one) => (isObject(one) ? present(work, one) : one)) };
}

function load(work: Work, owner: JsonObject, member: Json | undefined, expansion: Expansion): Json | undefined {
  if (typeof expansion === 'function') return expansion(work, owner);
  if (Array.isArray(member)) return member.map((one) => load(work, owner, one, expansion) ?? null);
  if (typeof member !== 'string') return member ?? null;
  const found = work.objects.find(expansion, member);
  return found === undefined ? member : present(work, found);
}

function notExpandable(segment: string, path: string): Error {
  return invalidRequest(
    `This property cannot be expanded (${segment}). You may want to try expanding a different property: ${path}.`,
    { param: 'expand' },
  );
}

/** Follows what is left of a path into a value that is there already: a list, an array, an object or a plain hash. */
function descend(work: Work, value: Json | undefined, segments: readonly string[], path: string): void {
  if (segments.length === 0 || value === null || value === undefined) return;
  if (Array.isArray(value)) {
    for (const one of value) descend(work, one, segments, path);
  } else if (isList(value)) {
    if (segments[0] !== 'data') throw notExpandable(segments[0] ?? '', path);
    descend(work, value.data, segments.slice(1), path);
  } else if (isObject(value) && typeof value.object === 'string') {
    expandMember(work, value, value, '', segments, path);
  } else {
    throw notExpandable(segments[0] ?? '', path);
  }
}

/** `owner` is the Stripe object the path is in, `container` the hash inside it that has the next member. */
function expandMember(
  work: Work,
  owner: JsonObject,
  container: JsonObject,
  prefix: string,
  segments: readonly string[],
  path: string,
): void {
  const [segment = '', ...rest] = segments;
  const key = prefix === '' ? segment : `${prefix}.${segment}`;
  const expandable = resourceOf(owner.object)?.expandable ?? {};
  const expansion = Object.hasOwn(expandable, key) ? expandable[key] : undefined;
  const member = container[segment];
  if (expansion !== undefined) {
    container[segment] = load(work, owner, member, expansion);
    descend(work, container[segment], rest, path);
  } else if (rest.length > 0 && isObject(member) && typeof member.object !== 'string') {
    expandMember(work, owner, member, key, rest, path);
  } else if (rest.length > 0 && Array.isArray(member)) {
    for (const one of member) {
      // Plain hashes belong to the object they are in: `discounts.coupon`, `total_discount_amounts.discount`.
      if (isObject(one) && typeof one.object !== 'string') expandMember(work, owner, one, key, rest, path);
      else descend(work, one, rest, path);
    }
  } else if (rest.length > 0 && isObject(member)) {
    descend(work, member, rest, path);
  } else if (!(member === null && Object.keys(expandable).some((known) => known.startsWith(`${key}.`)))) {
    throw notExpandable(segment, path);
  }
}

/**
 * An answer's body as the caller asked to see it. `expand` names members up to four levels deep, inside lists with a
 * leading `data.`; naming one that cannot be expanded is a 400.
 */
export function show(work: Work, body: JsonObject, expand: readonly string[]): JsonObject {
  const shown = structuredClone(presentAll(work, body));
  for (const path of expand) {
    const segments = path.split('.');
    if (segments.length > MAX_EXPAND_DEPTH) {
      throw invalidRequest(`You cannot expand more than ${MAX_EXPAND_DEPTH} levels of a property. Property: ${path}`, {
        param: 'expand',
      });
    }
    descend(work, shown, segments, path);
  }
  return shown;
}
