import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Columns } from './fields.ts';
import { type FileFormat, type FileRow, fieldMap, type RowOptions, readRows } from './rows.ts';

async function rows(text: string, options: Partial<RowOptions> & { format: FileFormat }): Promise<FileRow[]> {
  async function* chunks() {
    yield text;
  }
  const nothing = { map: new Map(), defaults: {}, onColumns: () => {} };
  return Array.fromAsync(readRows(chunks(), { ...nothing, ...options }));
}

const one = async (text: string, options: Partial<RowOptions> & { format: FileFormat }) => {
  const [first, ...rest] = await rows(text, options);
  expect(rest).toEqual([]);
  return first !== undefined && 'row' in first ? first.row : first;
};

describe('a CSV', () => {
  it('with every column by its own name', async () => {
    const text =
      'key,product,plan,reference,email,name,customer_external_id,stripe_customer_id,starts_at,expires_at,max_machines,status,metadata,machines\n' +
      'K-1,p,basic,r,a@example.com,Ada,7,cus_7,2026-01-01,2027-01-01T12:00:00+02:00,3,Suspended,"{""a"":1}","[{""fingerprint"":""m"",""name"":""n""}]"\n';
    expect(await rows(text, { format: 'csv' })).toEqual([
      {
        line: 2,
        row: {
          key: 'K-1',
          product: 'p',
          plan: 'basic',
          reference: 'r',
          email: 'a@example.com',
          name: 'Ada',
          customer_external_id: '7',
          stripe_customer_id: 'cus_7',
          starts_at: '2026-01-01T00:00:00Z',
          expires_at: '2027-01-01T12:00:00+02:00',
          max_machines: 3,
          status: 'suspended',
          metadata: { a: '1' },
          machines: [{ fingerprint: 'm', name: 'n' }],
        },
      },
    ]);
  });

  it('with other names, with --map, and with defaults', async () => {
    const text = 'License Key;E-Mail;Kunde;metadata.seat;Notiz;Kind\nK-1;a@example.com;Ada;4b;x;gold\nK-2;;;;;\n';
    const told: Columns[] = [];
    const found = await rows(text, {
      format: 'csv',
      map: fieldMap(['Kunde=name', 'E-Mail=email', 'Kind=metadata.kind']),
      defaults: { product: 'p', plan: 'basic' },
      onColumns: (columns) => void told.push(columns),
    });
    expect(found).toEqual([
      {
        line: 2,
        row: {
          key: 'K-1',
          product: 'p',
          plan: 'basic',
          email: 'a@example.com',
          name: 'Ada',
          metadata: { seat: '4b', kind: 'gold' },
        },
      },
      { line: 3, row: { key: 'K-2', product: 'p', plan: 'basic' } },
    ]);
    expect(told.map(({ unused }) => unused)).toEqual([['Notiz']]);
  });

  it('with records over several lines, emptied rows, and rows of another length', async () => {
    const text = 'key,product,name\r\nK-1,p,"two\r\nlines"\r\n,,\r\nK-2,p\r\nK-3,p,x,y\r\nK-4,p,"z"z\r\nK-5,p,\r\n';
    const found = await rows(text, { format: 'csv' });
    expect(found.map((row) => [row.line, 'row' in row ? row.row.key : row.fault])).toEqual([
      [2, 'K-1'],
      [5, 'has 2 fields where the titles have 3'],
      [6, 'has 4 fields where the titles have 3'],
      [7, 'has text after a closing quote'],
      [8, 'K-5'],
    ]);
  });

  it.each([
    ['without a key', 'mail\na@example.com', {}, 'key'],
    ['without a product', 'key\nK', {}, '--product'],
    ['without a column that was mapped', 'key,product\nK,p', { map: fieldMap(['Mail=email']) }, 'Mail'],
  ])('%s is no file to import', async (_what, text, more, said) => {
    await expect(rows(text, { format: 'csv', ...more })).rejects.toThrow(said);
  });

  it.each([['Mail=phone'], ['email'], ['=email'], ['Mail=']])('a map of %s is refused', (pair) => {
    expect(() => fieldMap([pair])).toThrow('--map');
  });
});

describe('a value', () => {
  const read = async (field: string, value: unknown) => {
    const row = (await one(JSON.stringify([{ key: 'K', [field]: value }]), { format: 'json' })) as Record<
      string,
      unknown
    >;
    return row;
  };

  it.each([
    ['2027-01-31', '2027-01-31T00:00:00Z'],
    ['2027-01-31T12:30', '2027-01-31T12:30:00Z'],
    ['2027-01-31 12:30:15', '2027-01-31T12:30:15Z'],
    ['2027-01-31T12:30:15.123456', '2027-01-31T12:30:15.123456Z'],
    ['2027-01-31 12:30:15+0200', '2027-01-31T12:30:15+02:00'],
    ['2027-01-31 12:30:15 UTC', '2027-01-31T12:30:15Z'],
    [1_800_000_000, '2027-01-15T08:00:00.000Z'],
    [1_800_000_000_000, '2027-01-15T08:00:00.000Z'],
    ['1800000000', '2027-01-15T08:00:00.000Z'],
    ['never', null],
    [null, null],
    ['31.01.2027', '31.01.2027'],
    ['2027-02-30', '2027-02-30T00:00:00Z'],
  ])('as an end, %j is %j', async (value, expected) => {
    expect(await read('expires_at', value)).toEqual({ key: 'K', expires_at: expected });
  });

  it.each([
    ['a;b', [{ fingerprint: 'a' }, { fingerprint: 'b' }]],
    ['["a"]', [{ fingerprint: 'a' }]],
    [
      ['a', { server_id: 'b', hostname: 'h' }],
      [{ fingerprint: 'a' }, { fingerprint: 'b', name: 'h' }],
    ],
    [{ a: {}, b: {} }, [{ fingerprint: 'a' }, { fingerprint: 'b' }]],
    [[{ nothing: 1 }], [{ nothing: 1 }]],
  ])('as machines, %j', async (value, machines) => {
    expect(await read('machines', value)).toEqual({ key: 'K', machines });
  });

  it.each([
    ['max_machines', 'unlimited', { max_machines: -1 }],
    ['max_activations', 5, { max_machines: 5 }],
    ['seats', 'many', { max_machines: 'many' }],
    ['metadata', { a: 1, b: null, c: [1] }, { metadata: { a: '1', c: [1] } }],
    ['metadata', 'text', { metadata: 'text' }],
    ['customer_id', 'cus_1', { stripe_customer_id: 'cus_1' }],
    ['customer_id', 'user-1', { customer_external_id: 'user-1' }],
    ['subscription_id', 'sub_1', { metadata: { stripe_subscription_id: 'sub_1' } }],
    ['email', '', {}],
    ['email', null, {}],
    ['activations', 2, {}],
    ['activations', ['m'], { machines: [{ fingerprint: 'm' }] }],
  ])('%s %j', async (field, value, expected) => {
    expect(await read(field, value)).toEqual({ key: 'K', ...expected });
  });
});

describe('the files that other systems keep', () => {
  const hash = createHash('sha512').update('cus_1:sub_1:1700000000:salt').digest('hex');
  const digits = hash + createHmac('sha512', 'master').update(hash).digest('hex');
  const key = (digits.match(/.{16}/g) ?? []).join('-');

  it('a licence manager with keys of 256 digits: an object by key, with times that name no zone', async () => {
    const kept = {
      license_key: key,
      license_hash: hash,
      customer_id: 'cus_abc123',
      subscription_id: 'sub_xyz789',
      email: 'customer@example.com',
      issued_at: '2026-01-01T10:00:00.123456',
      expires_at: '2026-01-31T10:00:00.123456',
      status: 'active',
      activations: 1,
      max_activations: 1,
      server_id: 'server_001',
      last_validated: null,
    };
    const expected = {
      key,
      product: 'p',
      stripe_customer_id: 'cus_abc123',
      email: 'customer@example.com',
      starts_at: '2026-01-01T10:00:00.123456Z',
      expires_at: '2026-01-31T10:00:00.123456Z',
      status: 'active',
      max_machines: 1,
      machines: [{ fingerprint: 'server_001' }],
      metadata: { stripe_subscription_id: 'sub_xyz789' },
    };
    const options = { format: 'json', defaults: { product: 'p' } } as const;
    const { license_key: _, ...withoutKey } = kept;
    for (const file of [
      { [key]: kept },
      { [key]: withoutKey },
      { [digits]: withoutKey },
      { licenses: { [key]: kept } },
      [kept],
    ])
      expect(await one(JSON.stringify(file, null, 4), options)).toEqual(expected);
  });

  it('a licence service that keeps records by key, with milliseconds and tiers', async () => {
    const kept = {
      license: 'QF-PRO-0123456789ab-1700000000',
      tier: 'pro',
      userId: 'user-1',
      userEmail: 'user@example.com',
      expiresAt: 1_702_592_000_000,
      generatedAt: 1_700_000_000_000,
      paymentIntentId: 'pi_1',
      features: ['all_free_features'],
    };
    const expected = {
      key: kept.license,
      product: 'p',
      plan: 'pro',
      customer_external_id: 'user-1',
      email: 'user@example.com',
      starts_at: '2023-11-14T22:13:20.000Z',
      expires_at: '2023-12-14T22:13:20.000Z',
      metadata: { payment_intent_id: 'pi_1' },
    };
    const options = { format: 'json', defaults: { product: 'p' } } as const;
    expect(await one(JSON.stringify({ [kept.license]: kept }), options)).toEqual(expected);
    expect(await one(JSON.stringify({ success: true, ...kept }), options)).toEqual(expected);
  });
});
