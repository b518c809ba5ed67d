import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser, type TestBrowser } from '../../../../../test/support/browser.ts';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createTestHttp, testAdminToken } from '../../../test/support/http.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import type { Http } from '../../http/index.ts';
import { registerMailboxRoutes } from './routes.ts';
import { createSandboxMailbox } from './store.ts';

const ports = createTestPorts();
const mailbox = createSandboxMailbox(ports);

// The page is the same on every database: one of them is enough.
describe.skipIf(process.env.LATCHKEY_TEST_ENGINE === 'postgres')('the mailbox page', () => {
  let test: TestDatabase;
  let http: Http;
  let browser: TestBrowser;
  let address: string;

  beforeAll(async () => {
    test = await createTestDatabase();
    http = await createTestHttp({ database: test.database, ports });
    registerMailboxRoutes(http, { mailbox, database: test.database });
    address = `${await http.listen({ port: 0, host: '127.0.0.1' })}/sandbox/mailbox`;
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await http?.close();
    await test?.close();
  });

  beforeEach(() => test.database.connection.deleteFrom('sandbox_mail').execute());

  let count = 0;
  async function send(to: string, subject: string, html: string): Promise<void> {
    ports.clock.advance(60_000);
    count += 1;
    const mail = {
      id: `out_${count}`,
      to,
      from: 'a@b.example',
      replyTo: null,
      subject,
      text: `${subject} as text`,
      html,
      keys: [],
    };
    await test.database.transaction({ actor: { type: 'system', id: 'test' } }, (transaction) =>
      mailbox.store(transaction, mail),
    );
  }

  async function open(viewport = { width: 1200, height: 800 }) {
    const page = await browser.newPage({ viewport });
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(address);
    return { page, complaints };
  }

  async function signedIn(viewport?: { width: number; height: number }) {
    const opened = await open(viewport);
    await opened.page.getByLabel('Admin token').fill(testAdminToken);
    await opened.page.keyboard.press('Enter');
    await opened.page.getByLabel('To', { exact: true }).waitFor();
    return opened;
  }

  it('asks for the token, says so when it is wrong, and forgets it with the tab', async () => {
    const { page } = await open();
    await page.getByLabel('Admin token').fill('lka_wrong');
    await page.getByRole('button', { name: 'Open the mailbox' }).click();
    await page.getByText('This token is not the admin token.').waitFor();
    await page.getByLabel('Admin token').fill(testAdminToken);
    await page.getByRole('button', { name: 'Open the mailbox' }).click();
    await page.getByText('No letters yet.').waitFor();
    expect(await page.evaluate('localStorage.length + document.cookie.length')).toBe(0);
    await page.getByRole('button', { name: 'Forget the token' }).click();
    await page.getByLabel('Admin token').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
  });

  it('shows the newest letter with its styles, and what was sent meanwhile', async () => {
    await send(
      'ann@example.com',
      'First',
      '<html><head></head><body><p style="color:rgb(1, 2, 3)">Hello Ann</p></body></html>',
    );
    const { page, complaints } = await signedIn();
    const letter = page.frameLocator('#html').getByText('Hello Ann');
    await letter.waitFor();
    const color = await page.frames()[1]?.evaluate("getComputedStyle(document.querySelector('p')).color");
    expect(color).toBe('rgb(1, 2, 3)');
    await send('bob@example.com', 'Second', '<p>Hello Bob</p>');
    await page.getByRole('button', { name: /Second/ }).click();
    await page.frameLocator('#html').getByText('Hello Bob').waitFor();
    expect(complaints).toEqual([]);
  });

  it('shows one address alone, and a letter as text', async () => {
    await send('ann@example.com', 'For Ann', '<p>Ann</p>');
    await send('bob@example.com', 'For Bob', '<p>Bob</p>');
    const { page } = await signedIn();
    await page.getByRole('button', { name: /For Bob/ }).waitFor();
    await page.getByLabel('To', { exact: true }).fill('ann@example.com');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.getByRole('button', { name: /For Bob/ }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Plain text' }).click();
    await page.getByText('For Ann as text').waitFor();
  });

  it('runs nothing that a letter brings along', async () => {
    await send(
      'eve@example.com',
      '<b>Eve</b>',
      '<html><head></head><body><script>parent.pwned = 1</script><img src="x" onerror="parent.pwned = 1"><p>seen</p></body></html>',
    );
    const { page } = await signedIn();
    await page.frameLocator('#html').getByText('seen').waitFor();
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    await page.getByRole('heading', { name: '<b>Eve</b>' }).waitFor();
  });

  it.each([320, 1200])('needs no scrolling sideways at %i pixels, even for a very long key', async (width) => {
    await send('ann@example.com', 'k'.repeat(300), `<p>${'k'.repeat(300)}</p>`);
    const { page } = await signedIn({ width, height: 800 });
    await page.getByRole('button', { name: /kkk/ }).waitFor();
    await page.getByRole('button', { name: 'Plain text' }).click();
    expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBe(0);
  });
});
