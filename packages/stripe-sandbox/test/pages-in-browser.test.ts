import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser, type TestBrowser } from '../../../test/support/browser.ts';
import { createPrice, startTestStripe, type TestStripe } from './harness.ts';

let test: TestStripe;
let browser: TestBrowser;
let address: string;
beforeAll(async () => {
  test = await startTestStripe();
  browser = await launchBrowser();
  const price = await createPrice(test.stripe);
  const session = await test.stripe.checkout.sessions.create({
    mode: 'subscription',
    line_items: [{ price: price.id, quantity: 1 }],
    success_url: 'https://shop.test/done',
  });
  address = session.url ?? '';
}, 60_000);
afterAll(async () => {
  await browser.close();
  await test.close();
});

describe.each(['light', 'dark'] as const)('a card form in %s colours', (colorScheme) => {
  it.each([320, 1280])(
    'shows what is wrong with a field in the colour of the alert, and fits %i pixels',
    async (width) => {
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
      await page.goto(address);
      await page.getByLabel('Email').fill('ada@example.com');
      await page.getByLabel('Card number').fill('4929 0000 0000 6');
      await page.getByLabel('Card number').press('Enter');
      const colour = (selector: string) =>
        page.evaluate(`getComputedStyle(document.querySelector('${selector}')).color`);
      expect(await colour('#number-error')).toBe(await colour('[role=alert]'));
      expect(await colour('#number-error')).not.toBe(await colour('.soft'));
      expect(await page.getByLabel('Card number').getAttribute('aria-describedby')).toBe('number-error');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      await page.context().close();
    },
    30_000,
  );
});
