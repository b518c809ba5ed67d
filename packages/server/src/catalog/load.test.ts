import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoadCatalogOptions, loadCatalog } from './load.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'latchkey-catalog-'));
});

afterEach(() => rm(directory, { recursive: true }));

function product(id: string, more = ''): string {
  return `id: ${id}\nname: ${id}\nkey:\n  scheme: random\nplans:\n  - id: free\n    name: Free\n    price: null\n${more}`;
}

function keyed(id: string, scheme: string, variable: string): string {
  return product(id).replace('scheme: random', `scheme: ${scheme}\n  secret: \${env:${variable}}`);
}

async function write(name: string, text: string): Promise<void> {
  await mkdir(join(directory, name, '..'), { recursive: true });
  await writeFile(join(directory, name), text);
}

function load(location: string, options: Partial<LoadCatalogOptions> = {}) {
  return loadCatalog({ location, directory, environment: {}, ...options });
}

describe('where a catalog is', () => {
  beforeEach(async () => {
    await write('shop/one/catalog.yaml', product('one'));
    await write('shop/two/catalog.yml', product('two'));
    await write('shop/two/notes.yaml', 'not a product');
    await write('shop/three.yaml', product('three'));
    await write('both.yaml', `${product('four')}---\n${product('five')}`);
  });

  it.each([
    ['./shop/three.yaml', ['three']],
    ['shop', ['one', 'three', 'two']],
    ['./shop/*/catalog.yaml', ['one']],
    ['./shop/*/catalog.{yaml,yml}', ['one', 'two']],
    ['both.yaml', ['four', 'five']],
  ])('%s has the products %j', async (location, ids) => {
    const { catalog } = await load(location);
    expect(catalog.products.map((each) => each.id)).toEqual(ids);
  });

  it('may be an absolute path, and is named from where one stands', async () => {
    expect((await load(join(directory, 'shop/three.yaml'))).files).toEqual(['shop/three.yaml']);
    expect((await load(join(directory, 'shop/*/catalog.yaml'))).files).toEqual(['shop/one/catalog.yaml']);
  });

  it.each([
    ['nowhere.yaml', 'nowhere.yaml does not exist'],
    ['./nothing/*/catalog.yaml', './nothing/*/catalog.yaml has no catalog file'],
  ])('%s is reported', async (location, message) => {
    await expect(load(location)).rejects.toThrow(message);
  });
});

describe('values from the environment', () => {
  const priced = product('acme').replace(
    'price: null',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the catalog's own notation
    'price:\n      amount: ${env:AMOUNT:-900}\n      currency: ${env:CURRENCY}\n      interval: month\n      stripe_price: ${env:PRICE_ID:-}',
  );

  it('take the place of their references, with defaults where there are any', async () => {
    await write('acme.yaml', priced);
    const plain = await load('acme.yaml', { environment: { CURRENCY: 'eur' } });
    expect(plain.catalog.products[0]?.plans[0]?.price).toMatchObject({
      amountCents: 900,
      currency: 'eur',
      stripePriceId: null,
    });
    const set = await load('acme.yaml', { environment: { CURRENCY: 'eur', AMOUNT: '1200', PRICE_ID: 'price_7' } });
    expect(set.catalog.products[0]?.plans[0]?.price).toMatchObject({ amountCents: 1200, stripePriceId: 'price_7' });
  });

  it('are checked like any other', async () => {
    await write('acme.yaml', priced);
    const environment = { CURRENCY: 'eur', AMOUNT: '12.50' };
    await expect(load('acme.yaml', { environment })).rejects.toThrow(
      'acme.yaml:9:15 plans[0].price.amount must be a whole number of cents (got 12.5).',
    );
  });

  it('are named when they are missing, once', async () => {
    await write('acme.yaml', priced);
    await expect(load('acme.yaml')).rejects.toThrow(
      'acme.yaml:10:17 plans[0].price.currency needs the environment variable CURRENCY, which is not set. ' +
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the catalog's own notation
        'Set CURRENCY, or give a default: ${env:CURRENCY:-value}.',
    );
  });

  it('are whole values, never parts of a text', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the catalog's own notation
    await write('acme.yaml', product('acme', 'description: by ${env:NAME} alone\n'));
    await expect(load('acme.yaml', { environment: { NAME: 'Ann' } })).rejects.toThrow('Write the reference alone');
  });
});

describe('secrets', () => {
  const hexadecimal = '0123456789abcdef'.repeat(4);

  beforeEach(async () => {
    await write('shop/a/catalog.yaml', keyed('a', 'sha512-hmac', 'FIRST_SECRET'));
    await write('shop/b/catalog.yaml', keyed('b', 'sealed', 'SECOND_SECRET'));
    await write('shop/c/catalog.yaml', keyed('c', 'tier-signature', 'THIRD_SECRET'));
  });

  it('that are missing or unusable are all named in one error', async () => {
    const environment = { SECOND_SECRET: 'not hexadecimal', THIRD_SECRET: 'short' };
    const failure = await load('shop', { environment }).catch((error: Error) => error.message);
    expect(String(failure).split('\n')).toEqual([
      'The catalog has 3 problems:',
      expect.stringContaining('shop/a/catalog.yaml:5:11 key.secret needs the environment variable FIRST_SECRET'),
      expect.stringContaining('shop/b/catalog.yaml:5:11 key.secret needs 32 bytes in hexadecimal in SECOND_SECRET'),
      expect.stringContaining('shop/c/catalog.yaml:5:11 key.secret needs at least 16 bytes in THIRD_SECRET'),
    ]);
    expect(failure).not.toContain('not hexadecimal');
  });

  it('are made where the environment has none, and only there', async () => {
    const asked: string[] = [];
    const secretFor = (variable: string) => {
      asked.push(variable);
      return hexadecimal;
    };
    const loaded = await load('shop', { environment: { THIRD_SECRET: 'short' }, secretFor });
    expect(asked).toEqual(['FIRST_SECRET', 'SECOND_SECRET']);
    expect(loaded.secrets({ variable: 'THIRD_SECRET', encoding: 'utf8' })).toEqual(['short']);
  });

  it('rotate: the first makes keys, the others still open them', async () => {
    const old = 'f'.repeat(64);
    const environment = {
      FIRST_SECRET: 'a new long secret, an old long secret',
      SECOND_SECRET: `${hexadecimal},${old}`,
    };
    const loaded = await load('shop', { environment, secretFor: () => 'made for the sandbox' });
    const [a, b] = loaded.catalog.products.map((each) => each.keyScheme.secret);
    if (!a || !b) throw new Error('both schemes have a secret');
    expect(loaded.secrets(a)).toEqual(['a new long secret', 'an old long secret']);
    expect(loaded.keySecrets(b).map((secret) => Buffer.from(secret.bytes).toString('hex'))).toEqual([hexadecimal, old]);
    const ids = [...loaded.keySecrets(a), ...loaded.keySecrets(b)].map((secret) => secret.id);
    expect(new Set(ids).size).toBe(4);
    expect(loaded.keySecrets(b).map((secret) => secret.id)).toEqual(ids.slice(2));
  });

  it('are in nothing that is logged or answered', async () => {
    const environment = { FIRST_SECRET: 'the-first-long-secret', SECOND_SECRET: hexadecimal };
    const loaded = await load('shop', { environment, secretFor: () => 'the-made-long-secret' });
    const logged = JSON.stringify(loaded);
    for (const value of ['the-first-long-secret', hexadecimal, 'the-made-long-secret']) {
      expect(logged).not.toContain(value);
    }
  });
});
