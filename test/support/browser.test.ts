import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser, type TestBrowser } from './browser.ts';

const page = `<!doctype html><title>Local</title><button onclick="this.textContent = 'pressed'">press</button>
<script>fetch('http://192.0.2.1/').then(() => 'reached', () => 'refused').then((word) => { document.body.dataset.beyond = word })</script>`;
const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(page));
let browser: TestBrowser;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  server.close();
});

describe('the browser of the tests', () => {
  it('shows a local page, runs its script and reaches nothing beyond this machine', async () => {
    const opened = await browser.newPage({ viewport: { width: 320, height: 600 } });
    await opened.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await opened.getByRole('button', { name: 'press' }).click();
    expect(await opened.getByRole('button').textContent()).toBe('pressed');
    await opened.waitForSelector('body[data-beyond=refused]', { timeout: 5_000 });
    expect(await opened.evaluate('innerWidth')).toBe(320);
  });
});
