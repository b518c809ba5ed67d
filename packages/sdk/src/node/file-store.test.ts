import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { clientOptionsFrom } from './environment.ts';
import { createFileStore } from './file-store.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-store-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('a file store is empty at first, and gives back what was written last', async () => {
  const path = join(folder, 'deep', 'license.json');
  const store = createFileStore(path);
  expect(await store.read()).toBeNull();
  await store.write('first');
  await store.write('second “ü”');
  expect(await createFileStore(path).read()).toBe('second “ü”');
});

it('a file store is its owner’s alone, and leaves nothing beside it', async () => {
  const store = createFileStore(join(folder, 'license.json'));
  await Promise.all([store.write('a'), store.write('b')]);
  expect(readdirSync(folder)).toEqual(['license.json']);
  expect(statSync(join(folder, 'license.json')).mode & 0o077).toBe(0);
});

it('a file store that cannot be read says so, rather than that it is empty', async () => {
  await expect(createFileStore(folder).read()).rejects.toThrow();
});

it('the environment says where the server is, and with which token to ask it', () => {
  const environment = { LICENSE_SERVER_URL: 'http://licenses:5001', LATCHKEY_API_KEY: 'lk_1' };
  expect(clientOptionsFrom(environment)).toEqual({ url: 'http://licenses:5001', token: 'lk_1' });
  expect(clientOptionsFrom({ LICENSE_SERVER_URL: '' })).toEqual({ url: 'http://127.0.0.1:4242' });
});
