import { describe, expect, it } from 'vitest';
import { checkAny, checkEnvironment, checkLength, checkProductNames } from './contents.ts';
import type { Breach } from './rules.ts';
import { readSourceFiles, type SourceFiles } from './source-files.ts';

type Check = (files: SourceFiles) => Breach[];
const lines = (found: Breach[]) => found.map((breach) => `${breach.path}:${breach.line} ${breach.message}`);
const here = readSourceFiles();

function found(check: Check, path: string, text: string): number[] {
  return check(new Map([[path, text]])).map((breach) => breach.line);
}

describe('this repository', () => {
  const checks: [string, Check][] = [
    ['names products only in dialects and examples', checkProductNames],
    ['reads the environment only where programs begin', checkEnvironment],
    ['never says any', checkAny],
    ['has no source above 500 lines', checkLength],
  ];
  it.each(checks)('%s', (_name, check) => {
    expect(lines(check(here))).toEqual([]);
  });
});

describe('product names', () => {
  const inCode = "const id = 1;\nif (product.id === 'redline2') id();";
  it('are found in strings, templates and names, wherever code may be', () => {
    expect(found(checkProductNames, 'packages/server/src/app.ts', inCode)).toEqual([2]);
    expect(found(checkProductNames, 'packages/core/src/a.ts', `const a = \`x-redline2-\${b}\`;`)).toEqual([1]);
  });
  it('are allowed in dialects, tests and comments that say where a rule comes from', () => {
    expect(found(checkProductNames, 'packages/server/src/dialects/redline2/routes.ts', inCode)).toEqual([]);
    expect(found(checkProductNames, 'packages/server/src/app.test.ts', inCode)).toEqual([]);
    expect(found(checkProductNames, 'packages/core/src/a.ts', '// as in redline2\nconst a = 1;')).toEqual([]);
  });
});

describe('the environment', () => {
  const reads = [
    'process.env.PORT',
    "process['env']",
    'const { env } = process',
    'globalThis.process.env',
    "import { env } from 'node:process'",
  ];
  it.each(reads)('is found in %s', (text) => {
    expect(found(checkEnvironment, 'packages/server/src/config/parse.ts', text)).toEqual([1]);
  });
  it('may be read where a program begins', () => {
    for (const path of ['server/src/main.ts', 'server/src/cli/main.ts', 'stripe-sandbox/src/main.ts']) {
      expect(found(checkEnvironment, `packages/${path}`, 'process.env.PORT')).toEqual([]);
    }
  });
  it('is not what process.pid or a parameter named env are', () => {
    const text = 'const { pid } = process; export const f = (env: string) => env + process.pid;';
    expect(found(checkEnvironment, 'packages/server/src/config/parse.ts', text)).toEqual([]);
  });
});

describe('any', () => {
  it('is found as a type, also in tests, and not in words or comments', () => {
    expect(found(checkAny, 'packages/server/src/a.test.ts', 'let a: string;\nlet b: any;')).toEqual([2]);
    expect(found(checkAny, 'packages/core/src/a.ts', '// any number\nconst any = "any";')).toEqual([]);
  });
});

describe('length', () => {
  it('is counted in lines, outside of tests', () => {
    expect(found(checkLength, 'packages/core/src/a.test.ts', 'x\n'.repeat(900))).toEqual([]);
    expect(found(checkLength, 'packages/core/src/a.ts', 'x\n'.repeat(500))).toEqual([]);
    expect(found(checkLength, 'packages/core/src/a.ts', 'x\n'.repeat(501))).toEqual([501]);
  });
});
