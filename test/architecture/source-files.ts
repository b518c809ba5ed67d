import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Paths from the repository's root with `/`, to the text of the file. */
export type SourceFiles = ReadonlyMap<string, string>;

const root = fileURLToPath(new URL('../..', import.meta.url));
// What .gitignore names: installed, built or written by running programs.
const notSources = new Set(['node_modules', 'dist', 'data', 'coverage', '.cache', '.git']);

/** The TypeScript of this checkout. */
export function readSourceFiles(): SourceFiles {
  return new Map(sourcePaths('').map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

/** Whether a file belongs to the tests: the rules of the house are about what is shipped. */
export function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path) || /(^|\/)test\//.test(path);
}

function sourcePaths(folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory()) return notSources.has(entry.name) ? [] : sourcePaths(`${path}/`);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}
