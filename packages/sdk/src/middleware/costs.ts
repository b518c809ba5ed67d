/** What each route costs. */

import type { GatedRequest } from './request.ts';

/** By route pattern, with a method before it or for every method: `{'/signals': 1, 'POST /export/:kind': 3}`. */
export type CostTable = Readonly<Record<string, number>>;

/** A route that costs something. */
export interface PricedRoute {
  /** The pattern, as the table has it. */
  route: string;
  units: number;
}

interface Rule extends PricedRoute {
  method: string | null;
  normal: string;
  pattern: RegExp;
}

/** Finds what a request costs; null for one that the table does not name. Throws a TypeError for a table that makes no sense. */
export function costFinder(
  table: CostTable,
): (request: Pick<GatedRequest, 'method' | 'route' | 'path'>) => PricedRoute | null {
  const rules = Object.entries(table).map(([key, units]) => ruleOf(key, units));
  return ({ method, route, path }) => {
    // What answers GET answers HEAD with the same work.
    const asked = method === 'HEAD' ? 'GET' : method;
    const candidates = rules.filter((rule) => rule.method === null || rule.method === asked);
    const normal = route === null ? null : normalOf(route);
    const found =
      normal === null
        ? candidates.find(({ pattern }) => pattern.test(path))
        : candidates.find((rule) => rule.normal === normal);
    return found === undefined ? null : { route: found.route, units: found.units };
  };
}

/** Whether a request is for one of these routes; for any, where none are named. */
export function routeMatcher(routes: readonly string[] | undefined): (request: GatedRequest) => boolean {
  if (routes === undefined) return () => true;
  const find = costFinder(Object.fromEntries(routes.map((route) => [route, 1])));
  return (request) => find(request) !== null;
}

function ruleOf(key: string, units: number): Rule {
  const [, method, route] = /^(?:([A-Za-z]+) +)?(\/\S*)$/.exec(key) ?? [];
  if (route === undefined) throw new TypeError(`"${key}" is not a route: write "/path/:name" or "GET /path/:name".`);
  if (!Number.isFinite(units) || units <= 0) throw new TypeError(`${key} must cost more than zero, not ${units}.`);
  return {
    method: method?.toUpperCase() ?? null,
    route,
    units,
    normal: normalOf(route),
    pattern: patternOf(route),
  };
}

/** One spelling for `:name`, `:name(\\d+)` and `{name}`: what a parameter is called makes no other route. */
function normalOf(route: string): string {
  const trimmed = route.length > 1 ? route.replace(/\/+$/, '') : route;
  return trimmed.replace(/:[A-Za-z_]\w*(\([^)]*\))?|\{[^}]*\}/g, ':');
}

/** Matches as generously as routers do by default, in any case and with a slash at the end: else a capital letter would be free. */
function patternOf(route: string): RegExp {
  const source = normalOf(route)
    .split('/')
    .map((part) =>
      part
        .split(':')
        .map((text) => text.split('*').map(literal).join('.*'))
        .join('[^/]+'),
    )
    .join('/');
  return new RegExp(`^${source === '/' ? '' : source}/?$`, 'i');
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
