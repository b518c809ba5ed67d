import { execFile, spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBackEnd } from '../../../../../examples/quantum-falcon/app/server.ts';
import { launchBrowser, type TestBrowser } from '../../../../../test/support/browser.ts';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const script = fileURLToPath(new URL('../../../../../examples/quantum-falcon/calls.sh', import.meta.url));

let shop: Shop;
let backEnd: ReturnType<typeof createBackEnd>;
let address: string;

beforeAll(async () => {
  // The origin has to be allowed before the server starts, hence a port that is found first.
  const port = await freePort();
  address = `http://127.0.0.1:${port}`;
  shop = await openShop({ ALLOWED_ORIGINS: address });
  backEnd = createBackEnd({ latchkey: { url: shop.server.url, token: shop.server.app.adminToken.token } });
  await new Promise<void>((resolve) => backEnd.listen(port, '127.0.0.1', resolve));
});
afterAll(async () => {
  backEnd?.closeAllConnections();
  backEnd?.close();
  await shop?.close();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('a front end of another origin', () => {
  it('has keys made by its own back end, whose token no browser gets to see [Q2]', async () => {
    const text = await (await fetch(address)).text();
    expect(text).not.toContain(shop.server.app.adminToken.token);
    const answer = await fetch(`${address}/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId: 'user_123', tier: 'elite' }),
    });
    const body: Wire = await answer.json();
    expect(body.license).toMatch(/^QF-ELITE-/);
    const refused = await fetch(`${address}/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: 'Missing required fields' }]);
  });

  it.skipIf(!hasCurl)(
    'and a shell that makes the calls of the document are answered as documented [Q2] [Q5]',
    async () => {
      const env = { ...process.env, BASE: shop.server.url, TOKEN: shop.server.app.adminToken.token };
      const { stdout } = await run('bash', [script], { env });
      expect(stdout.trim().split('\n')).toHaveLength(8);
    },
  );
});

// The page is the same on every database: one of them is enough.
describe.skipIf(process.env.LATCHKEY_TEST_ENGINE === 'postgres')('its page, in a browser', () => {
  let browser: TestBrowser;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
  });

  it('generates a key and asks across origins what it unlocks [Q5]', async () => {
    const page = await browser.newPage();
    await page.goto(address);
    await page.getByLabel('Tier').selectOption('elite');
    await page.getByRole('button', { name: 'Generate' }).click();
    await page.getByText('"success": true').waitFor();
    const key = await page.getByLabel('Licence key').inputValue();
    expect(key).toMatch(/^QF-ELITE-/);
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText('"valid": true').waitFor();
    expect(await page.getByRole('status').textContent()).toContain('whale_tracking');
    await page.getByLabel('Licence key').fill('QF-ELITE-000000000000-1');
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText('License not found').waitFor();
  });
});
