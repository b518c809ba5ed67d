import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPackage } from '../build/package.ts';

const compiler = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));
let folder: string;

/** Somebody else's project, with the package in it as npm would have put it there, and nothing else. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-package-'));
  const built = buildPackage(join(folder, 'built'));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: built, stdio: 'pipe' });
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  const installed = join(folder, 'project/node_modules/@latchkey/sdk');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, tarball), '-C', installed, '--strip-components=1']);
  writeFileSync(join(folder, 'project/package.json'), '{"name":"somebody-elses"}');
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run(name: string, text: string, program = process.execPath): string {
  writeFileSync(join(folder, 'project', name), text);
  return execFileSync(program, [name], { cwd: join(folder, 'project'), encoding: 'utf8', stdio: 'pipe' });
}

const use = `
  const client = createClient({ url: 'http://127.0.0.1:9', retries: 0 });
  const error = await client.licenses.validate({ key: 'k' }).catch((error) => error);
  const machine = identityOf({ system: 'a', cpu: 'b' }, 'salt');
  console.log(JSON.stringify([error.name, isOutage(error), machine.facts, typeof onFastify, typeof onExpress]));
`;
const used = '["LatchkeyUnreachableError",true,["cpu","system"],"function","function"]\n';

describe('the package', () => {
  it('is imported by a project of modules', () => {
    const imports = `
      import { createClient, isOutage } from '@latchkey/sdk';
      import { identityOf } from '@latchkey/sdk/node';
      import { meterRoutes as onFastify } from '@latchkey/sdk/fastify';
      import { meterRoutes as onExpress } from '@latchkey/sdk/express';`;
    expect(run('use.mjs', imports + use)).toBe(used);
  });

  it('is required by a project of CommonJS', () => {
    const requires = `
      const { createClient, isOutage } = require('@latchkey/sdk');
      const { identityOf } = require('@latchkey/sdk/node');
      const { meterRoutes: onFastify } = require('@latchkey/sdk/fastify');
      const { meterRoutes: onExpress } = require('@latchkey/sdk/express');`;
    expect(run('use.cjs', `${requires}\n(async () => {${use}})();`)).toBe(used);
  });

  it('has its types', () => {
    const project = {
      compilerOptions: { module: 'NodeNext', strict: true, noEmit: true, lib: ['ES2023', 'DOM'], types: [] },
    };
    writeFileSync(join(folder, 'project/tsconfig.json'), JSON.stringify({ ...project, files: ['typed.mts'] }));
    writeFileSync(
      join(folder, 'project/typed.mts'),
      `import { createClient, type LicenseStanding } from '@latchkey/sdk';
       const { valid } = await createClient({ url: 'http://127.0.0.1' }).licenses.validate({ key: 'k' });
       export const answer: boolean = valid;
       export const code: LicenseStanding['code'] = 'VALID';
       // @ts-expect-error: a number is no key.
       await createClient({ url: 'http://127.0.0.1' }).licenses.validate({ key: 7 });`,
    );
    execFileSync(process.execPath, [compiler, '-p', 'tsconfig.json'], { cwd: join(folder, 'project'), stdio: 'pipe' });
  });

  it('needs nothing beside it, and names nothing of this repository', () => {
    const installed = join(folder, 'project/node_modules/@latchkey/sdk');
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Record<string, unknown>;
    expect(manifest).not.toHaveProperty('dependencies');
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    expect(files).toContain('LICENSE');
    expect(files.filter((name) => /\.test\.|(?<!\.d)\.ts$/.test(name))).toEqual([]);
    for (const name of files.filter((file) => /\.(js|d\.ts)$/.test(file))) {
      expect(readFileSync(join(installed, name), 'utf8'), name).not.toMatch(/from ['"](@latchkey\/|[^'"]+\.ts['"])/);
    }
  });
});
