import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

// A checkout of its own with an npm that only pretends: it notes that it ran, and puts down what the launcher needs.
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'latchkey-install-'));
  writeFileSync(join(root, 'package-lock.json'), '{"packages":{}}');
  fakeNpm('mkdir -p node_modules/node/bin && touch node_modules/node/bin/node');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function fakeNpm(script: string): void {
  mkdirSync(join(root, 'bin'), { recursive: true });
  writeFileSync(join(root, 'bin', 'npm'), `#!/bin/sh\necho "$1" >> ${root}/npm-calls\n${script}\n`);
  chmodSync(join(root, 'bin', 'npm'), 0o755);
}

const installer = new URL('./install.mjs', import.meta.url).href;

/** Runs the check as a command does at its start; answers its exit code and what it said. */
function ensureInstalled(): Promise<{ code: number | null; said: string }> {
  const program = `const { ensureInstalled } = await import('${installer}'); await ensureInstalled('${root}');`;
  const path = [join(root, 'bin'), process.env.PATH].join(delimiter);
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, PATH: path },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, said })));
}

function npmCalls(): string[] {
  const file = join(root, 'npm-calls');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

describe('before any command runs, the installation', () => {
  it('is made once and then found, without npm being asked again', async () => {
    expect(await ensureInstalled()).toMatchObject({ code: 0 });
    expect(await ensureInstalled()).toEqual({ code: 0, said: '' });
    expect(npmCalls()).toEqual(['ci']);
  });

  it('is made again when package-lock.json has changed', async () => {
    await ensureInstalled();
    writeFileSync(join(root, 'package-lock.json'), '{"packages":{"node_modules/x":{"version":"2.0.0"}}}');
    expect(await ensureInstalled()).toMatchObject({ code: 0 });
    expect(npmCalls()).toEqual(['ci', 'ci']);
  });

  it('is accepted when somebody made it with npm themselves', async () => {
    const entry = '"node_modules/x":{"version":"2.0.0"}';
    writeFileSync(join(root, 'package-lock.json'), `{"packages":{"":{},${entry},"node_modules/y":{"optional":true}}}`);
    mkdirSync(join(root, 'node_modules', 'node', 'bin'), { recursive: true });
    writeFileSync(join(root, 'node_modules', 'node', 'bin', 'node'), '');
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), `{"packages":{${entry}}}`);
    expect(await ensureInstalled()).toEqual({ code: 0, said: '' });
    expect(npmCalls()).toEqual([]);
  });

  it('is made by one of three commands started at the same moment; the others wait and say so', async () => {
    fakeNpm('sleep 0.5; mkdir -p node_modules/node/bin && touch node_modules/node/bin/node');
    const all = await Promise.all([ensureInstalled(), ensureInstalled(), ensureInstalled()]);
    expect(all.map((one) => one.code)).toEqual([0, 0, 0]);
    expect(npmCalls()).toEqual(['ci']);
    expect(all.filter((one) => one.said.includes('waiting for it'))).toHaveLength(2);
  });

  it('goes on after a lock that a killed command left behind', async () => {
    const lock = join(root, '.cache', 'install.lock');
    mkdirSync(lock, { recursive: true });
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(lock, longAgo, longAgo);
    expect(await ensureInstalled()).toMatchObject({ code: 0 });
    expect(npmCalls()).toEqual(['ci']);
    expect(existsSync(lock)).toBe(false);
  });

  it('falls back to npm install when npm ci fails, and says so', async () => {
    fakeNpm('if [ "$1" = ci ]; then exit 1; fi; mkdir -p node_modules/node/bin && touch node_modules/node/bin/node');
    const { code, said } = await ensureInstalled();
    expect(code).toBe(0);
    expect(said).toMatch(/npm ci failed \(exit 1\); trying npm install/);
    expect(npmCalls()).toEqual(['ci', 'install']);
  });

  it('that cannot be made ends the command with the reason and what to look at', async () => {
    fakeNpm('echo "network is down" >&2; exit 7');
    const { code, said } = await ensureInstalled();
    expect(code).toBe(1);
    expect(said).toMatch(/network is down/);
    expect(said).toMatch(/npm could not install the dependencies \(exit 7\).*registry/s);
  });

  it('without the Node binary says that install scripts are switched off', async () => {
    fakeNpm('mkdir -p node_modules');
    const { code, said } = await ensureInstalled();
    expect(code).toBe(1);
    expect(said).toMatch(/install scripts seem to be switched off/);
  });
});
