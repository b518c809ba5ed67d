import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeLicenseFile } from '@latchkey/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser, type TestBrowser } from '../../../test/support/browser.ts';
import { licenseFileOf, signingPair } from '../../core/test/license-file.ts';
import { nodeCryptography } from '../../core/test/node-cryptography.ts';
import { buildPackage } from '../build/package.ts';

const PAGE = `<!doctype html><title>SDK</title>
<script type="module">import * as sdk from '/sdk/src/index.js'; window.sdk = sdk;</script>`;

let folder: string;
let browser: TestBrowser;
let url: string;
let close: () => void;

/** The package as it is, served file by file: no bundler stands between. */
beforeAll(async () => {
  folder = buildPackage(join(mkdtempSync(join(tmpdir(), 'latchkey-browser-')), 'sdk'));
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const type = path.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.writeHead(200, { 'content-type': type });
    response.end(path.endsWith('.js') ? readFileSync(join(folder, path)) : PAGE);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => server.close();
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  close?.();
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

it('a browser verifies a licence file by itself, encrypted and bound to a machine', async () => {
  const signer = signingPair(1);
  const file = licenseFileOf({ kind: 'machine', machines: [{ id: 'act_01', fingerprint: 'm-1', components: null }] });
  const encryption = { licenseKey: 'KEY-1', nonce: new Uint8Array(12).fill(9) };
  const question = {
    certificate: writeLicenseFile(file, { signer, encryption }, nodeCryptography),
    publicKeys: [{ id: signer.id, public_key: Buffer.from(signer.publicKey).toString('base64') }],
    licenseKey: 'KEY-1',
    machine: { fingerprint: 'm-1' },
    now: file.issuedAt + 1_000,
  };
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForFunction('window.sdk');
  const codes = await page.evaluate(async (question) => {
    const { sdk } = globalThis as unknown as { sdk: typeof import('../src/index.ts') };
    const { certificate } = question;
    const middle = certificate.length >> 1;
    const other = certificate[middle] === 'A' ? 'B' : 'A';
    const changed = certificate.slice(0, middle) + other + certificate.slice(middle + 1);
    const all = [
      await sdk.verifyLicenseFile(question),
      await sdk.verifyLicenseFile({ ...question, certificate: changed }),
      await sdk.verifyLicenseFile({ ...question, licenseKey: 'KEY-2' }),
    ];
    return all.map(({ code }) => code);
  }, question);
  expect(codes).toEqual(['VALID', 'SIGNATURE_INVALID', 'DECRYPTION_FAILED']);
  await page.close();
});
