import type { Catalog, Product } from '@latchkey/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { assembleCatalog } from '../../catalog/load.ts';
import type { Connection } from '../../db/database.ts';
import {
  createNotifications,
  type LicenseForMail,
  MailRefused,
  type TemplateData,
  type TemplateName,
} from './index.ts';

const key = Array.from({ length: 16 }, (_, group) => group.toString(16).repeat(16)).join('-');

const license: LicenseForMail = {
  id: 'lic_1',
  key,
  product: 'acme',
  plan: 'pro',
  expiresAt: new Date('2026-12-21T04:12:00Z'),
  renews: true,
  maxMachines: 1,
  usable: true,
};

let catalog: Catalog;

beforeAll(async () => {
  const text = `id: acme
name: Acme Server
vendor: { name: Acme Inc, support_email: help@acme.example, url: https://acme.example }
key: { scheme: random }
plans:
  - { id: pro, name: Professional, price: { amount: 2500, currency: usd, interval: month } }
`;
  catalog = (await assembleCatalog([{ name: 'acme.yaml', bytes: Buffer.from(text) }], { environment: {} })).catalog;
});

/** Writing reads the database through the reader alone, and this reader needs none. */
const noConnection = {} as Connection;

async function write<Name extends TemplateName>(
  template: Name,
  data: TemplateData<Name>,
  more: { licenses?: LicenseForMail[]; products?: Partial<Product>; mailFrom?: string; to?: string } = {},
) {
  const licenses = more.licenses ?? [license];
  const notifications = createNotifications({
    catalog: { products: catalog.products.map((product) => ({ ...product, ...more.products })) },
    licenses: { read: async (_, id) => licenses.find((each) => each.id === id) ?? null },
    mailFrom: more.mailFrom ?? 'mail@shop.example',
    publicUrl: () => 'https://shop.example',
    ownerLink: (id) => `https://shop.example/release/${id}`,
    outbox: { enqueue: async () => true },
  });
  const payload = { template, to: more.to ?? 'ann@example.com', data };
  const mail = await notifications.write(noConnection, { id: 'out_1', payload });
  if (mail === null) throw new Error('there was nothing to say');
  return mail;
}

const offer = { product: 'acme', plan: 'pro' };
const paid = { amountCents: 2500, currency: 'usd' };
const failed = {
  ...offer,
  ...paid,
  attempt: 1,
  failuresBeforeRevocation: 3,
  graceUntil: '2026-12-24T04:12:00Z',
  nextAttemptAt: '2026-12-24T05:12:00Z',
  payUrl: 'https://pay.example/invoice?a=1&b=2',
};

const reminder = {
  ...offer,
  ...paid,
  graceUntil: failed.graceUntil,
  nextAttemptAt: null,
  payUrl: failed.payUrl,
  leavesPlan: null,
};
const licenseEnding = {
  ...offer,
  endsAt: '2026-12-21T04:12:00Z',
  hasEnded: false,
  usableUntil: '2026-12-21T04:12:00Z',
};

const threshold = {
  ...{ product: 'acme', meter: 'API calls', unit: 'call', percent: 80, used: 810, included: 1000 },
  ...{ limit: 'hard' as const, endsAt: '2026-12-21T04:12:00Z' },
};

const added = { ...paid, product: 'acme', meter: 'hours', quantity: '2.5', available: '12.5' };

const everyLetter: [TemplateName, () => ReturnType<typeof write>][] = [
  ['license-issued', () => write('license-issued', { licenseId: 'lic_1' })],
  ['license-resend', () => write('license-resend', { licenseIds: ['lic_1'] })],
  ['machine-release', () => write('machine-release', { linkId: 'link_1', product: 'acme', minutes: 60 })],
  [
    'reactivation-decided',
    () =>
      write('reactivation-decided', {
        product: 'acme',
        status: 'approved',
        machine: 'desk',
        released: ['laptop'],
        reason: null,
      }),
  ],
  [
    'subscription-renewed',
    () => write('subscription-renewed', { ...offer, ...paid, paidThrough: '2027-01-21T04:12:00Z' }),
  ],
  ['credits-added', () => write('credits-added', added)],
  ['payment-failed', () => write('payment-failed', failed)],
  ['payment-reminder', () => write('payment-reminder', reminder)],
  ['payment-recovered', () => write('payment-recovered', { ...offer, ...paid, paidThrough: '2027-01-21T04:12:00Z' })],
  ['subscription-ending', () => write('subscription-ending', { ...offer, endsAt: '2027-01-21T04:12:00Z' })],
  ['trial-ending', () => write('trial-ending', { ...offer, ...paid, trialEndsAt: '2027-01-21T04:12:00Z' })],
  ['license-ending', () => write('license-ending', licenseEnding)],
  ['usage-threshold', () => write('usage-threshold', threshold)],
  [
    'subscription-suspended',
    () =>
      write('subscription-suspended', {
        ...offer,
        suspendedAt: '2026-12-24T04:12:00Z',
        nextAttemptAt: '2026-12-29T05:12:00Z',
        payUrl: failed.payUrl,
      }),
  ],
  [
    'license-revoked',
    () => write('license-revoked', { ...offer, revokedAt: '2026-12-31T00:00:00Z', cause: 'payment' }),
  ],
  [
    'subscription-canceled',
    () => write('subscription-canceled', { ...offer, canceledAt: '2026-12-31T00:00:00Z', usableUntil: null }),
  ],
];

describe.each(everyLetter)('the letter %s', (_, compose) => {
  it('names the product, is signed by the vendor and can be answered', async () => {
    const mail = await compose();
    expect(mail.subject).toMatch(/Acme Server/);
    expect(mail.text).toMatch(/-- \nAcme Inc\nhelp@acme\.example\nhttps:\/\/acme\.example\n$/);
    expect(mail.from).toBe('"Acme Inc" <mail@shop.example>');
    expect(mail.replyTo).toBe('help@acme.example');
    expect(mail.html).toContain('Acme Inc');
  });

  it('has no gap where a fact should be', async () => {
    const { subject, text, html } = await compose();
    for (const part of [subject, text, html]) {
      expect(part).not.toMatch(/undefined|\bnull\b|NaN|Invalid Date|\[object/);
    }
  });

  it('says the same as text and as HTML', async () => {
    const { text, html } = await compose();
    const words = (part: string) => new Set(part.match(/[A-Za-z0-9]{3,}/g));
    const shown = html
      .replace(/^[\s\S]*<\/style>/, '')
      .replace(/<a [^>]*href="([^"]*)"[^>]*>/g, ' $1 ')
      .replace(/<[^>]+>/g, ' ')
      .replaceAll('&#39;', "'")
      .replaceAll('&quot;', '"')
      .replaceAll('&amp;', '&');
    const missing = [...words(text)].filter((word) => !words(shown).has(word));
    expect(missing).toEqual([]);
  });

  it('keeps its lines short in plain text, keys and addresses aside', async () => {
    const { text } = await compose();
    const long = text
      .split('\n')
      .filter((line) => line.length > 76 && !line.includes(key) && !line.includes('https://'));
    expect(long).toEqual([]);
  });

  it('fetches nothing and runs nothing', async () => {
    const { html } = await compose();
    expect(html).not.toMatch(/<(img|script|link|iframe|form|object)|@import|url\(|\son\w+=/i);
  });
});

describe('dates and deadlines', () => {
  it('a failed payment says what to do, until when, and what follows', async () => {
    const { subject, text } = await write('payment-failed', failed);
    expect(subject).toBe('The payment for Acme Server failed – please act by 24 December 2026');
    expect(text).toContain('We could not charge 25.00 USD for Acme Server. Until 24 December 2026, 04:12\nUTC');
    expect(text).toMatch(/Failed attempts: +1 of 3/);
    expect(text).toMatch(/Next attempt: +24 December 2026, 05:12 UTC/);
    expect(text).toContain('After failure number 3 the licence is revoked.');
    expect(text).toContain('\nhttps://pay.example/invoice?a=1&b=2\n');
  });

  it('a failed payment promises nothing that is not so', async () => {
    const nothing = { graceUntil: null, nextAttemptAt: null, failuresBeforeRevocation: null, payUrl: null };
    const { subject, text, html } = await write('payment-failed', { ...failed, ...nothing });
    expect(subject).toBe('The payment for Acme Server failed');
    expect(text).not.toMatch(/grace|revoked|Usable until|We try again/);
    expect(text).toMatch(/Next attempt: +none/);
    expect(html).not.toContain('class="action"');
  });

  it('a cancellation says whether anything is left', async () => {
    const canceled = { ...offer, canceledAt: '2026-12-31T00:00:00Z' };
    const left = await write('subscription-canceled', { ...canceled, usableUntil: '2027-01-05T12:00:00Z' });
    expect(left.text.replaceAll('\n', ' ')).toContain('the key works until 5 January 2027, 12:00 UTC.');
    const gone = await write('subscription-canceled', { ...canceled, usableUntil: null });
    expect(gone.text).toContain('the key does not work any more');
  });

  it.each([
    [{ expiresAt: null }, /Valid: +for good/],
    [{ renews: false }, /Valid until: +21 December 2026, 04:12 UTC/],
    [{ renews: true }, /Renews: +by itself; paid until 21 December 2026, 04:12 UTC/],
    [{ maxMachines: -1 }, /Machines: +as many as you like/],
    [{ maxMachines: 3 }, /for 3 machines at a time/],
  ])('a licence with %j is described so', async (difference, expected) => {
    const { text } = await write(
      'license-issued',
      { licenseId: 'lic_1' },
      { licenses: [{ ...license, ...difference }] },
    );
    expect(text).toMatch(expected);
  });
});

describe('keys', () => {
  it('are delivered whole, on a line of their own', async () => {
    const mail = await write('license-issued', { licenseId: 'lic_1' });
    expect(mail.text.split('\n')).toContain(key);
    expect(mail.html).toContain(`>${key}<`);
    expect(mail.subject).not.toContain(key);
    expect(mail.keys).toEqual([key]);
  });

  it('are all in one letter when an address asks for what it owns', async () => {
    const other = { ...license, id: 'lic_2', key: 'OTHER-KEY', usable: false };
    const mail = await write(
      'license-resend',
      { licenseIds: ['lic_1', 'lic_2', 'lic_gone'] },
      { licenses: [license, other] },
    );
    expect(mail.subject).toBe('Your licence keys');
    expect(mail.keys).toEqual([key, 'OTHER-KEY']);
    expect(mail.text.match(/cannot be used at the moment/g)).toHaveLength(1);
  });

  it('of a licence that is gone lead to no letter', async () => {
    await expect(write('license-issued', { licenseId: 'lic_9' })).rejects.toThrow('nothing to say');
  });
});

describe('hostile words', () => {
  const hostile = `<img src=x onerror=alert(1)> & "quotes" 'n' all`;

  it('in names are shown as they are and never become HTML', async () => {
    const vendor = { name: hostile, supportEmail: null, url: null };
    const { html } = await write('payment-failed', failed, { products: { name: hostile, vendor } });
    expect(html).not.toContain('<img');
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt; &amp; &quot;quotes&quot; &#39;n&#39; all');
  });

  it('in a vendor name cannot add another sender', async () => {
    const vendor = { name: 'Eve" <eve@evil.example>, "', supportEmail: null, url: null };
    const { from } = await write('payment-failed', failed, { products: { vendor } });
    expect(from).toBe('"Eve <eve@evil.example>, " <mail@shop.example>');
  });

  it.each(['ann@example.com, eve@evil.example', 'ann@example.com\nBcc: eve@evil.example', 'nobody', ''])(
    '%j is no recipient',
    async (to) => {
      await expect(write('payment-failed', failed, { to })).rejects.toThrow(MailRefused);
    },
  );

  it('in an address of a page never become a link to run', async () => {
    const payUrl = 'javascript:alert(1)';
    await expect(write('payment-failed', { ...failed, payUrl })).rejects.toThrow(MailRefused);
  });
});

describe('a letter about a product that left the catalog', () => {
  it('is written all the same', async () => {
    const { subject } = await write('payment-failed', { ...failed, product: 'gone', plan: 'old' });
    expect(subject).toContain('The payment for gone failed');
  });
});

describe('MAIL_FROM with a name', () => {
  it('stays as it is', async () => {
    const { from } = await write('payment-failed', failed, { mailFrom: 'The Shop <mail@shop.example>' });
    expect(from).toBe('The Shop <mail@shop.example>');
  });
});

describe('what a letter promises', () => {
  it('in a reminder is what the catalog does: the licence is suspended, or a plan is left of it', async () => {
    expect((await write('payment-reminder', reminder)).text).toMatch(/licence is suspended/);
    const left = await write('payment-reminder', { ...reminder, leavesPlan: 'pro' });
    expect(left.text).toMatch(/the plan Professional is left/);
    const meanwhile = {
      ...offer,
      suspendedAt: failed.graceUntil,
      nextAttemptAt: null,
      payUrl: null,
      leavesPlan: 'pro',
    };
    expect((await write('subscription-suspended', meanwhile)).text).toMatch(/plan Professional for now/);
  });

  it('of a licence that ends is what becomes of its key', async () => {
    expect((await write('license-ending', licenseEnding)).text).toMatch(/After that the key does not work/);
    const over = { ...licenseEnding, hasEnded: true };
    expect((await write('license-ending', over)).text).toMatch(/does not work any more/);
    const inGrace = { ...over, usableUntil: '2026-12-28T04:12:00Z' };
    expect((await write('license-ending', inGrace)).text).toMatch(/can be used until 28 December 2026/);
    expect((await write('license-ending', { ...over, usableUntil: null })).text).toMatch(/goes on working/);
  });

  it('about use that is included is what happens beyond it', async () => {
    const all = { ...threshold, percent: 100, used: 1000 };
    const some = await write('usage-threshold', threshold);
    expect(some.subject).toBe('80 % of your API calls of Acme Server are used');
    expect(some.text).toMatch(/810 of 1000 \(call\)[\s\S]*21 December 2026, 04:12 UTC/);
    expect((await write('usage-threshold', all)).subject).toBe('All API calls of Acme Server are used');
    expect((await write('usage-threshold', all)).text).toMatch(/nothing can be used until then/);
    expect((await write('usage-threshold', { ...all, limit: 'overage' })).text).toMatch(/is billed/);
    const alert = { ...all, plan: 'pro', customer: 'ann@example.com', owner: 'lic_1' };
    expect((await write('usage-limit-alert', alert)).text).toMatch(/ann@example\.com[\s\S]*lic_1[\s\S]*pro/);
  });

  it('to the vendor is nothing of the customer’s but the address, and is signed by the house', async () => {
    const alert = {
      ...paid,
      object: 'dp_1',
      customer: 'ann@example.com',
      due: '2027-01-21T04:12:00Z',
      reason: 'fraudulent',
    };
    const mail = await write('vendor-alert', { ...alert, what: 'dispute' });
    expect(mail.subject).toBe('A payment of 25.00 USD is disputed');
    expect(mail.text).toMatch(/dp_1[\s\S]*ann@example\.com[\s\S]*fraudulent/);
    expect((await write('vendor-alert', { ...alert, what: 'payment_failed', due: null })).subject).toMatch(/failed$/);
  });
});
