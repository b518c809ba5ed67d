import { noSuch } from '../http/api-error.ts';
import type { JsonObject } from '../json.ts';
import type { ObjectName } from '../objects/index.ts';
import { type Fields, type Infer, integer, object, range, string } from '../parameters/schema.ts';
import { type Condition, equals, inRange, isNull } from '../store/conditions.ts';
import { nounOf, type Work } from '../work.ts';
import { type Operation, operation, type PathValues } from './resource.ts';

/** How every list is paged. */
export const PAGE = {
  limit: integer({ min: 1, max: 100 }),
  starting_after: string(),
  ending_before: string(),
};

/** `created` as lists take it: a timestamp or bounds. */
export const CREATED = { created: range() };

/** The condition of a `created` filter. */
export function createdWithin(params: { created?: Infer<typeof CREATED>['created'] }): Condition[] {
  return params.created === undefined ? [] : [inRange('$.created', params.created)];
}

/** Lists leave out what lives by a test clock, unless they are asked for the things of one. */
export function onTestClock(clock: string | undefined): Condition[] {
  return [clock === undefined ? isNull('$.test_clock') : equals('$.test_clock', clock)];
}

/**
 * Declares a list call: newest first, pages by cursor, `limit` 1 to 100 with 10 as default. `where` turns the filters into
 * conditions; a cursor that names no such object is `resource_missing`.
 */
export function listOperation<const F extends Fields>(declaration: {
  object: ObjectName;
  route: string;
  filters: F;
  unsupported?: readonly string[];
  where: (params: Infer<F>, work: Work, path: PathValues) => Condition[];
}): Operation {
  const { object: name, route, filters, where } = declaration;
  const params = object({ ...PAGE, ...filters }, declaration.unsupported ?? []);
  return operation({
    method: 'GET',
    route,
    params,
    run(work, decoded, path): JsonObject {
      const page = decoded as Infer<typeof PAGE>;
      for (const cursor of ['starting_after', 'ending_before'] as const) {
        const id = page[cursor];
        if (id !== undefined && work.objects.sequenceOf(name, id) === undefined) throw noSuch(nounOf(name), id, cursor);
      }
      const { data, hasMore } = work.objects.page(name, where(decoded as Infer<F>, work, path), {
        limit: page.limit ?? 10,
        ...(page.starting_after === undefined ? {} : { startingAfter: page.starting_after }),
        ...(page.ending_before === undefined ? {} : { endingBefore: page.ending_before }),
      });
      const url = route.replace(/\{(\w+)\}/g, (_, placeholder: string) => path[placeholder] ?? '');
      return { object: 'list', data, has_more: hasMore, url };
    },
  });
}

/** Pages a list that lives inside its owner (lines, items); these are shown in their own order. */
export function pageOf<T extends JsonObject & { id: string }>(
  url: string,
  all: readonly T[],
  page: Infer<typeof PAGE>,
): JsonObject {
  const limit = page.limit ?? 10;
  const position = (id: string, param: string) => {
    const found = all.findIndex((one) => one.id === id);
    if (found < 0) throw noSuch('object', id, param);
    return found;
  };
  if (page.ending_before !== undefined) {
    const end = position(page.ending_before, 'ending_before');
    const start = Math.max(0, end - limit);
    return { object: 'list', data: all.slice(start, end), has_more: start > 0, url };
  }
  const start = page.starting_after === undefined ? 0 : position(page.starting_after, 'starting_after') + 1;
  return { object: 'list', data: all.slice(start, start + limit), has_more: start + limit < all.length, url };
}
