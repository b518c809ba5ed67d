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
  const inherited = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const browser: Browser = await chromium.launch({
    executablePath: executable,
    args,
    env: { ...Object.fromEntries(inherited), ...env },
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
    close: () => browser.close(),
  };
}

function isLoopback(url: URL): boolean {
  return !/^(https?|wss?):$/.test(url.protocol) || ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
}
