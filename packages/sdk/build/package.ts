/** Makes the folder that is published: compiled, with what of core it needs inside, and nothing to install beside it. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('..', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Compiles into a folder, which is emptied first, and answers its path. `npm publish` it. */
export function buildPackage(folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const project = join(here, 'tsconfig.build.json');
  execFileSync(process.execPath, [compiler, '-p', project, '--outDir', folder], { stdio: 'pipe' });
  for (const path of filesOf(folder)) nameCompiled(folder, path);
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  copyFileSync(join(here, 'README.md'), join(folder, 'README.md'));
  return folder;
}

/** Names files as they are once compiled; core is inside, and is named by its file as well. */
function nameCompiled(folder: string, path: string): void {
  const core = relative(dirname(path), join(folder, 'core/src/index.js')).split(sep).join(posix.sep);
  const text = readFileSync(path, 'utf8');
  const named = text
    .replaceAll(/(from |import\()(['"])@latchkey\/core\2/g, `$1$2${core}$2`)
    // The compiler does this in the code, and leaves declarations as they were written.
    .replaceAll(/(from |import\()(['"])(\.[^'"]+)\.ts\2/g, '$1$2$3.js$2');
  if (named !== text) writeFileSync(path, named);
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(js|d\.ts)$/.test(name))
    .map((name) => join(folder, name));
}

interface Manifest {
  exports: Record<string, string>;
  [field: string]: unknown;
}

/** The workspace's own, with compiled files in the place of sources. */
function manifest(): Manifest {
  const {
    dependencies: _inside,
    exports,
    ...rest
  } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')) as Manifest;
  const compiled = Object.entries(exports).map(([name, source]) => {
    const file = source.replace('./src/', './sdk/src/').replace(/\.ts$/, '');
    return [name, { types: `${file}.d.ts`, default: `${file}.js` }];
  });
  return { ...rest, exports: Object.fromEntries(compiled) };
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${buildPackage(join(here, 'dist'))}\n`);
}
