import { readImports } from './imports.ts';
import type { SourceFiles } from './source-files.ts';

/** Import cycles that exist when the program runs, each as the paths of its files in order. Types make none. */
export function findCycles(files: SourceFiles): string[][] {
  const targets = new Map<string, string[]>([...files.keys()].map((path) => [path, []]));
  for (const { from, target, typeOnly } of readImports(files)) {
    if (target !== undefined && !typeOnly && files.has(target)) targets.get(from)?.push(target);
  }
  const cycles: string[][] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const walk = (path: string): void => {
    const at = trail.indexOf(path);
    if (at >= 0) cycles.push(trail.slice(at));
    if (at >= 0 || done.has(path)) return;
    trail.push(path);
    for (const target of targets.get(path) ?? []) walk(target);
    trail.pop();
    done.add(path);
  };
  for (const path of targets.keys()) walk(path);
  return cycles;
}
