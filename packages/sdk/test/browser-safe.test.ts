import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript-compiler-api';
import { expect, it } from 'vitest';

const src = fileURLToPath(new URL('../src/', import.meta.url));
const core = fileURLToPath(new URL('../../core/src/index.ts', import.meta.url));

/** Every file that importing this one loads, with what it names that is no file of ours. */
function load(path: string, into = new Map<string, string[]>()): Map<string, string[]> {
  if (into.has(path)) return into;
  const foreign: string[] = [];
  into.set(path, foreign);
  for (const { fileName } of ts.preProcessFile(readFileSync(path, 'utf8')).importedFiles) {
    if (fileName.startsWith('.')) load(join(dirname(path), fileName), into);
    else if (fileName === '@latchkey/core') load(core, into);
    else foreign.push(fileName);
  }
  return into;
}

it('what browsers load imports nothing of Node’s, nor any package', () => {
  const loaded = load(join(src, 'index.ts'));
  expect(loaded.size).toBeGreaterThan(40);
  expect([...loaded].filter(([, foreign]) => foreign.length > 0)).toEqual([]);
});

it('what browsers load is compiled without Node’s types, so that it cannot use them', () => {
  const { compilerOptions, exclude } = JSON.parse(readFileSync(join(src, '../tsconfig.json'), 'utf8'));
  expect(compilerOptions.types).toEqual([]);
  const left = (exclude as string[]).filter((name) => !name.includes('*')).map((name) => join(src, '..', name));
  for (const path of load(join(src, 'index.ts')).keys()) {
    expect(
      left.some((name) => path === name || path.startsWith(`${name}/`)),
      path,
    ).toBe(false);
  }
});
