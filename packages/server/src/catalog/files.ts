/** Which files a catalog is made of. */

import { glob, readFile, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import type { CatalogProblem } from './problem.ts';
import { MOST_BYTES } from './yaml-source.ts';

export interface CatalogFile {
  /** Relative to the directory the loader was started from where it is below it, otherwise whole: for messages. */
  name: string;
  bytes: Uint8Array;
}

const EXTENSIONS = '{yaml,yml}';

/**
 * The files behind a location: a file; a folder, of which the YAML files directly in it and each subfolder's
 * `catalog.yaml` count; or a pattern with stars. In the order of their names.
 */
export async function readCatalogFiles(
  location: string,
  directory: string,
  problems: CatalogProblem[],
): Promise<CatalogFile[]> {
  const report = (file: string, message: string, remedy: string) => {
    problems.push({ file, line: null, column: null, path: '', message, remedy });
    return [];
  };
  const paths = await locate(location, directory);
  if (paths === null) return report(location, 'does not exist', 'Check CATALOG: a file, a folder or a pattern.');
  if (paths.length === 0) return report(location, 'has no catalog file', 'Put a catalog.yaml there.');
  const files: CatalogFile[] = [];
  for (const path of paths) {
    const name = displayName(path, directory);
    try {
      const { size } = await stat(path);
      // Far too large to be worth reading: the reader of YAML says so, given the length alone.
      const bytes = size > MOST_BYTES ? new Uint8Array(MOST_BYTES + 1) : await readFile(path);
      files.push({ name, bytes });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      report(name, `cannot be read (${code ?? 'unknown error'})`, 'Check that it is a file and who may read it.');
    }
  }
  return files;
}

async function locate(location: string, directory: string): Promise<string[] | null> {
  const path = resolve(directory, location);
  const kind = await stat(path).then(
    (found) => (found.isDirectory() ? 'folder' : 'file'),
    () => null,
  );
  if (kind === 'file') return [path];
  if (kind === 'folder') return matching([`*.${EXTENSIONS}`, `*/catalog.${EXTENSIONS}`], path);
  return /[*?[{]/.test(location) ? matching([location], directory) : null;
}

async function matching(patterns: string[], directory: string): Promise<string[]> {
  const found = new Set<string>();
  for await (const path of glob(patterns, { cwd: directory })) found.add(resolve(directory, path));
  return [...found].sort();
}

function displayName(path: string, directory: string): string {
  const within = relative(directory, path);
  return within.startsWith('..') || isAbsolute(within) ? path : within;
}
