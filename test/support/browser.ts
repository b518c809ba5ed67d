import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { unpackChromium } from './chromium.ts';

export interface TestBrowser {
  /** A page in a fresh context (no cookies of another). Requests beyond the loopback fail, as a product for use without the internet must bear. */
  newPage(options?: BrowserContextOptions): Promise<Page>;
  close(): Promise<void>;
}

// Root in a container cannot use the sandbox; everything else keeps the browser from calling home.
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Starts a headless Chromium. */
export async function launchBrowser(): Promise<TestBrowser> {
  const { executable, env } = await unpackChromium();
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-browser-'));
  const inherited = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const browser: Browser = await chromium.launch({
    executablePath: executable,
    args,
    env: {
      ...Object.fromEntries(inherited),
      ...env,
      FONTCONFIG_FILE: fontsIn(join(env.FONTCONFIG_PATH ?? '', 'fonts'), folder),
    },
  });
  return {
    newPage: async (options) => {
      const context = await browser.newContext({ serviceWorkers: 'block', ...options });
      await context.route(
        (url) => !isLoopback(url),
        (route) => route.abort('internetdisconnected'),
      );
      return context.newPage();
    },
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The browser's own configuration looks for fonts where there are none, and then a field to type in ends it. */
function fontsIn(fonts: string, folder: string): string {
  const file = join(folder, 'fonts.conf');
  writeFileSync(file, `<fontconfig><dir>${fonts}</dir><cachedir>${join(folder, 'cache')}</cachedir></fontconfig>`);
  return file;
}

function isLoopback(url: URL): boolean {
  return !/^(https?|wss?):$/.test(url.protocol) || ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
}
