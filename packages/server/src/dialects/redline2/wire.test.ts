import { fileURLToPath } from 'node:url';
import { type Meter, type Product, parseMeterQuantity } from '@latchkey/core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCatalog } from '../../catalog/load.ts';
import { creditOrderOf, fieldOf, wantsPage } from './from-wire.ts';
import { hoursMeter } from './house.ts';
import { whatHappened } from './page-view.ts';
import { amountOf, figuresOf, hoursOf, maskedKey } from './to-wire.ts';

let product: Product;
let meter: Meter;
beforeAll(async () => {
  const location = fileURLToPath(new URL('../../../../../examples/redline2/catalog.yaml', import.meta.url));
  const { catalog } = await loadCatalog({ location, directory: process.cwd(), environment: {} });
  const [only] = catalog.products;
  if (only === undefined) throw new Error('the example has no product');
  product = only;
  meter = hoursMeter(product);
});

describe('hours as they are told', () => {
  it('are the number that was sent, to the millionth', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000_000 }), (millionths) => {
        const hours = millionths / 1_000_000;
        const text = hours.toFixed(6);
        expect(hoursOf(parseMeterQuantity(text, meter) ?? 0, meter)).toBe(Number(text));
      }),
    );
  });

  it('are what was given and not taken back, what was used, and what is left', () => {
    const hour = 3_600_000_000;
    const balance = {
      granted: 10 * hour,
      returned: 2 * hour,
      available: 5 * hour,
      reserved: 0,
      used: 3 * hour,
      expired: 0,
    };
    expect(figuresOf(balance, meter)).toEqual({ hours_remaining: 5, purchased_hours: 8, used_hours: 3 });
  });

  it('hide the key but for its end', () => {
    expect(maskedKey(product, 'SKX6')).toBe('RL-********-********-****SKX6');
    expect(maskedKey(product, '')).toBe('RL-********-********-********');
  });
});

describe('an amount', () => {
  it('is in the major unit of its currency, which some do not divide', () => {
    expect(amountOf(1_173, 'usd')).toEqual({ amount: 11.73, amount_cents: 1_173, currency: 'usd' });
    expect(amountOf(1_173, 'jpy')).toMatchObject({ amount: 1_173 });
  });
});

describe('what is to be bought', () => {
  it('is a package or a number of hours', () => {
    expect(creditOrderOf({ package_id: 'small' }, product)).toEqual({ pack: 'small', meter: 'hours' });
    expect(creditOrderOf({ hours: 2.5 }, product)).toEqual({ quantity: '2.5', meter: 'hours' });
    expect(creditOrderOf({ hours: ' 10.0 ', package_id: 'medium' }, product)).toEqual({
      pack: 'medium',
      meter: 'hours',
    });
  });

  it('is one thing: what disagrees, or says nothing, is refused', () => {
    expect(() => creditOrderOf({ hours: 9, package_id: 'medium' }, product)).toThrow('disagree');
    expect(() => creditOrderOf({ hours: 'many', package_id: 'medium' }, product)).toThrow('disagree');
    expect(() => creditOrderOf({ hours: null, package_id: null }, product)).toThrow('required');
  });
});

describe('a form', () => {
  it('has fields that are filled, or not there', () => {
    const form = new URLSearchParams('license_key=+RL-1+&hours=');
    expect([fieldOf(form, 'license_key'), fieldOf(form, 'hours'), fieldOf(form, 'other')]).toEqual([
      'RL-1',
      null,
      null,
    ]);
  });

  it('is for whoever looks at pages; a program is answered in JSON', () => {
    expect(wantsPage('text/html,application/xhtml+xml;q=0.9,*/*;q=0.8')).toBe(true);
    for (const accept of [undefined, '*/*', 'application/json']) expect(wantsPage(accept)).toBe(false);
  });
});

describe('the history', () => {
  it('says in words what every kind of entry is', () => {
    const kinds = ['grant', 'consume', 'reserve', 'post', 'release', 'void', 'reservation_expired'] as const;
    const more = ['lot_expired', 'clawback', 'correction', 'reversal'] as const;
    for (const kind of [...kinds, ...more]) expect(whatHappened({ kind, key: 'k' })).toMatch(/^[A-Z]/);
    expect(whatHappened({ kind: 'grant', key: 'checkout/cs_1' })).toBe('Bought');
    expect(whatHappened({ kind: 'consume', key: 'session/uses_1/1' })).toBe('Used in a session');
  });
});
