import type { PathValues } from '../resources/resource.ts';

type Route<T> = { method: string; segments: readonly string[]; target: T };

export type Match<T> = { target: T; path: PathValues };

/** Finds the route of a path. Literal segments win over placeholders: `/v1/a/search` before `/v1/a/{id}`. */
export class Router<T> {
  readonly #routes: Route<T>[] = [];

  add(method: string, pattern: string, target: T): void {
    this.#routes.push({ method, segments: pattern.split('/').slice(1), target });
    this.#routes.sort((a, b) => placeholders(a.segments) - placeholders(b.segments));
  }

  match(method: string, pathname: string): Match<T> | undefined {
    const parts = pathname.split('/').slice(1);
    for (const route of this.#routes) {
      const path = route.method === method ? matchSegments(route.segments, parts) : undefined;
      if (path !== undefined) return { target: route.target, path };
    }
    return undefined;
  }
}

function isPlaceholder(segment: string): boolean {
  return segment.startsWith('{');
}

function placeholders(segments: readonly string[]): number {
  return segments.filter(isPlaceholder).length;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function matchSegments(segments: readonly string[], parts: readonly string[]): PathValues | undefined {
  if (segments.length !== parts.length) return undefined;
  const values: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = parts[index] ?? '';
    if (isPlaceholder(segment)) {
      if (part === '') return undefined;
      values[segment.slice(1, -1)] = decode(part);
    } else if (segment !== part) {
      return undefined;
    }
  }
  return values;
}
