import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser, type TestBrowser } from '../../../../../test/support/browser.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;
let key: string;

beforeAll(async () => {
  shop = await openShop();
  key = await keyWith(12.5);
  await shop.vendor('POST', `/api/licenses/${key}/usage`, { hours: 0.75 });
});
afterAll(() => shop?.close());

async function keyWith(hours: number): Promise<string> {
  const { body } = await shop.vendor('POST', '/api/licenses', { email: 'page@example.com', hours });
  return body.license_key;
}

async function get(path: string) {
  const answer = await fetch(`${shop.server.url}${path}`, { headers: { accept: 'text/html' }, redirect: 'manual' });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

async function send(path: string, fields: Record<string, string>) {
  const body = new URLSearchParams(fields);
  const answer = await fetch(`${shop.server.url}${path}`, { method: 'POST', body, redirect: 'manual' });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

const inOrder = (...parts: string[]) => expect.stringMatching(new RegExp(parts.join('[\\s\\S]*')));

describe('the payment page, without a script', () => {
  it('shows packages and prices to anyone [R3] [R7]', async () => {
    for (const path of ['/payments/', '/payments']) {
      const { status, headers, text } = await get(path);
      expect(status).toBe(200);
      expect(headers.get('content-type')).toContain('text/html');
      expect(text).toEqual(inOrder('5 hours', '25.00 USD', '10 hours', '50.00 USD', '50 hours', '250.00 USD'));
      expect(text).not.toContain(
        'action="/payments/buy"><input type="hidden" name="license_key" value=""><button name="package',
      );
    }
  });

  it('shows balance and history to whoever holds the key, which is in no address [R7]', async () => {
    const { status, text } = await send('/payments/', { license_key: key });
    expect(status).toBe(200);
    expect(text).toEqual(
      inOrder('<dt>Left</dt><dd>11.75 h', '<dt>Used</dt><dd>0.75 h', '<dt>Purchased</dt><dd>12.5 h'),
    );
    expect(text).toEqual(inOrder('Usage history', '>Used<', '−0.75', '11.75', '>Added<', '\\+12.5', '12.5'));
    expect(text).toContain('value="medium"');
  });

  it('says what is wrong with a key, beside it [R7]', async () => {
    const { status, text } = await send('/payments/', { license_key: 'RL-"><script>alert(1)</script>' });
    expect(status).toBe(404);
    expect(text).toContain('aria-invalid="true" aria-describedby="key-error"');
    expect(text).toContain('There is no licence under this key.');
    expect(text).not.toContain('<script>alert');
  });

  it('tells the price of hours of one’s choice [R6] [R7]', async () => {
    expect((await send('/payments/', { license_key: '', hours: '2.5' })).text).toContain('>12.50 USD</output>');
    expect((await send('/payments/', { license_key: key, hours: '0.1' })).text).toContain('Between 1 and 1000 hours');
  });

  it.each([
    ['a package', { package_id: 'small' }, 2_500],
    ['hours of one’s choice', { hours: '2.5' }, 1_250],
  ])('leads to the checkout of %s [R3] [R7]', async (_, fields, total) => {
    const { status, headers } = await send('/payments/buy', { license_key: key, ...fields });
    expect(status).toBe(303);
    const address = headers.get('location') ?? '';
    expect(address.startsWith(shop.server.app.localStripe?.url ?? 'nowhere')).toBe(true);
    const sessions = await shop.stripe('GET', '/v1/checkout/sessions?limit=1');
    expect(sessions.data[0]).toMatchObject({ amount_total: total, url: address });
  });

  it('says what is wrong with a purchase, and is still the page [R7]', async () => {
    const refused = await send('/payments/buy', { license_key: key, hours: '-1' });
    expect(refused.status).toBe(400);
    expect(refused.text).toEqual(inOrder('role="alert"', 'Between 1 and 1000 hours', '<dt>Left</dt>'));
    expect((await send('/payments/buy', { hours: '5' })).status).toBe(404);
    await shop.control('/fail', { requests: 100, status: 500 });
    const away = await send('/payments/buy', { license_key: key, hours: '5' });
    await shop.control('/fail', { requests: 0, status: 500 });
    expect(away.status).toBe(503);
    expect(away.text).toEqual(inOrder('role="alert"', 'Stripe', '<dt>Left</dt>'));
  });

  it('allows what it brings itself, and forms that lead to the checkout; nothing else', async () => {
    const policy = (await get('/payments/')).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'sha256-[^']+'(;|$)/);
    expect(policy).toContain(`form-action 'self' ${shop.server.app.localStripe?.url}`);
    expect(policy).not.toContain('unsafe');
  });

  it('follows a purchase to its end: pending, then added [R3]', async () => {
    const mine = await keyWith(1);
    const { headers } = await send('/payments/buy', { license_key: mine, package_id: 'large' });
    const session = (await shop.stripe('GET', '/v1/checkout/sessions?limit=1')).data[0];
    expect(session.url).toBe(headers.get('location'));
    const path = `/payments/success?session_id=${session.id}`;
    expect((await get(path)).text).toContain('Your payment is on its way');
    await shop.control(`/checkout/sessions/${session.id}/complete`, { payment_method: 'pm_card_visa' });
    expect((await get(path)).text).toEqual(inOrder('20 hours were added', '<dt>Left</dt><dd>21 h'));
    expect((await send('/payments/', { license_key: mine })).text).toContain('>Bought<');
    expect((await get('/payments/success?session_id=cs_none')).status).toBe(404);
    expect((await get('/payments/cancel')).text).toContain('Nothing was charged');
  });
});

// The page is the same on every database: one of them is enough.
describe.skipIf(process.env.LATCHKEY_TEST_ENGINE === 'postgres')('the payment page, in a browser', () => {
  let browser: TestBrowser;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
  });

  async function open(options: Parameters<TestBrowser['newPage']>[0]) {
    const page = await browser.newPage(options);
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${shop.server.url}/payments/`);
    return { page, complaints };
  }

  it('shows the price as it is typed, and leads to the checkout by the keyboard alone [R7]', async () => {
    const { page, complaints } = await open({ viewport: { width: 1_000, height: 800 } });
    await page.getByLabel('Licence key').fill(key);
    await page.keyboard.press('Enter');
    await page.getByText('11.75 h').waitFor();
    expect(await page.getByRole('button', { name: 'Show the price' }).isVisible()).toBe(false);
    const hours = page.getByLabel('Hours, 1 to 1000');
    await hours.pressSequentially('2.5');
    await page.getByRole('status').getByText('12.50 USD').waitFor();
    await hours.fill('0.2');
    await page.getByText('Between 1 and 1000 hours can be bought.').waitFor();
    await hours.fill('3');
    await page.getByRole('status').getByText('15.00 USD').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.href.startsWith(shop.server.app.localStripe?.url ?? 'nowhere'));
    // A price that cannot be had answers 400, which the browser writes down; nothing else is worth a word.
    expect(complaints.filter((text) => !text.includes('400'))).toEqual([]);
  });

  it.each([
    ['light', 320],
    ['dark', 320],
    ['light', 1_100],
    ['dark', 1_100],
  ] as const)('is readable in the %s at %d pixels, without scrolling sideways [R7]', async (colorScheme, width) => {
    const { page, complaints } = await open({ viewport: { width, height: 700 }, colorScheme });
    await page.getByLabel('Licence key').fill(key);
    await page.getByRole('button', { name: 'Show my hours' }).click();
    await page.getByText('Usage history').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    expect(await page.evaluate(contrasts)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

/** Runs in the page: every text whose contrast with what is behind it is below 4.5 (WCAG 2.2, 1.4.3). */
const contrasts = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [red, green, blue] = channels(color).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const backgroundOf = (element) => {
    if (element === null) return 'rgb(255, 255, 255)';
    const { backgroundColor } = getComputedStyle(element);
    return channels(backgroundColor)[3] === 0 ? backgroundOf(element.parentElement) : backgroundColor;
  };
  const found = [];
  for (const element of document.querySelectorAll('main *')) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '')) continue;
    const pair = [luminance(getComputedStyle(element).color), luminance(backgroundOf(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) found.push(element.textContent + ': ' + ratio.toFixed(2));
  }
  return found;
})()`;
