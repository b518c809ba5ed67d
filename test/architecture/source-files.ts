import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Paths from the repository's root with `/`, to the text of the file. */
export type SourceFiles = ReadonlyMap<string, string>;

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The TypeScript of this checkout as git sees it: committed, or new and not ignored. */
export function readSourceFiles(): SourceFiles {
  const listing = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', '*.ts', '*.tsx'],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  const paths = [...new Set(listing.split('\0').filter((path) => path !== ''))].sort();
  const files = new Map<string, string>();
  for (const path of paths) {
    const text = readIfThere(path);
    if (text !== undefined) files.set(path, text);
  }
  return files;
}

/** Whether a file belongs to the tests: the rules of the house are about what is shipped. */
export function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path) || /(^|\/)test\//.test(path);
}

// A file deleted but not yet staged is still in git's list.
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}
