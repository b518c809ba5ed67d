import { describe, expect, it } from 'vitest';
import { assembleCatalog } from './load.ts';
import { CatalogError, formatProblem, nearest } from './problem.ts';

const valid = `id: acme
name: Acme
key:
  scheme: sha512-hmac
  secret: \${env:ACME_SECRET}
plans:
  - id: free
    name: Free
    price: { amount: 0, currency: usd, interval: month }
    features: [basic]
  - id: pro
    name: Pro
    price:
      amount: 2500
      currency: usd
      interval: month
    inherits: free
    license:
      max_machines: 2
`;

const environment = { ACME_SECRET: 'a secret that is long enough' };

async function problemsOf(text: string | Uint8Array, more: { file: string; text: string }[] = []): Promise<string[]> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const files = [
    { name: 'acme.yaml', bytes },
    ...more.map(({ file, text: content }) => ({ name: file, bytes: Buffer.from(content) })),
  ];
  try {
    await assembleCatalog(files, { environment });
    return [];
  } catch (error) {
    if (!(error instanceof CatalogError)) throw error;
    return error.problems.map(formatProblem);
  }
}

/** The valid catalog with one passage written differently. */
function written(passage: string, instead: string): string {
  if (!valid.includes(passage)) throw new Error(`the example does not hold "${passage}"`);
  return valid.replace(passage, instead);
}

describe('a problem in a catalog is reported with its place, the value and the remedy', () => {
  it('reports nothing of a catalog that is right', async () => {
    expect(await problemsOf(valid)).toEqual([]);
  });

  it('percentages at which a customer is told are whole ones, and need not be in order', async () => {
    const allowance = (rule: string) => {
      const meters = `meters: [{ id: calls, name: Calls, unit: call }]\n`;
      const text = written('    inherits: free\n', `    allowances: [{ meter: calls, included: 10, ${rule} }]\n`);
      return { name: 'acme.yaml', text: `${text}${meters}` };
    };
    const told = async (rule: string) => {
      const { name, text } = allowance(rule);
      const { catalog } = await assembleCatalog([{ name, bytes: Buffer.from(text) }], { environment });
      return catalog.products[0]?.plans[1]?.allowances[0]?.notifyAt;
    };
    expect(await told('notify_at: [150, 50]')).toEqual([50, 150]);
    expect(await told('notify_at: []')).toEqual([]);
    expect(await told('beyond: allow')).toEqual([80, 100]);
    const [problem] = await problemsOf(allowance('notify_at: [0.5]').text);
    expect(problem).toMatch(/notify_at\[0\] must be a whole number of percent from 1 to 1000 \(got 0.5\)/);
  });

  it('what goes beyond a plan is billed where periods end, and where something can go beyond', async () => {
    const sold = (price: string, allowance: string) => {
      const plan = `  - { id: payg, name: By use, price: { ${price} }, allowances: [{ meter: calls, ${allowance} }] }\n`;
      const meters = 'meters: [{ id: calls, name: Calls, unit: call }]\n';
      return problemsOf(`${valid.replace('plans:\n', `${meters}plans:\n`)}${plan}`);
    };
    const monthly = 'amount: 0, currency: usd, interval: month';
    const billed = 'beyond: bill, overage: { amount: 3 }';
    expect(await sold(monthly, `included: 0, ${billed}`)).toEqual([]);
    expect(await sold(`${monthly}, trial_days: 14, stripe_price: price_1`, `included: 5, ${billed}`)).toEqual([]);
    expect(await sold(`${monthly}, stripe_price: price_1`, 'included: 5')).toEqual([
      expect.stringContaining('has no meaning for a free plan'),
    ]);
    expect(await sold('amount: 0, currency: usd, interval: once', `included: 0, ${billed}`)).toEqual([
      expect.stringMatching(/plans\[2\].allowances\[0\].beyond cannot be bill in a plan that is paid once/),
    ]);
    const left = (plan: string) =>
      `included: 0, ${billed} }] }\ncancellation: { effect: downgrade, downgrade_to: ${plan} }\n#`;
    expect(await sold(monthly, left('free'))).toEqual([]);
    expect(await sold(monthly, left('payg'))).toEqual([
      expect.stringMatching(/cancellation.downgrade_to names the plan "payg", whose use is billed by a subscription/),
    ]);
    expect(await sold(monthly, `included: -1, ${billed}`)).toEqual([
      expect.stringMatching(/plans\[2\].allowances\[0\].included is without limit, so nothing is ever billed/),
    ]);
  });

  it('several of a plan have an amount, and no more machines than a licence counts', async () => {
    const several = (rule: string, more = '') => problemsOf(`${valid}    quantity: ${rule}\n${more}`);
    expect(await several('{}')).toEqual([]);
    expect(await several('{ maximum: 500, multiplies: [machines] }')).toEqual([]);
    expect(await several('{ multiplies: [hours] }')).toEqual([expect.stringContaining('quantity.multiplies[0]')]);
    expect(await several('{ maximum: 0 }')).toEqual([
      expect.stringContaining('quantity.maximum must be a whole number'),
    ]);
    expect(await problemsOf(written('    features: [basic]\n', '    quantity: {}\n'))).toEqual([
      expect.stringMatching(/plans\[0\].quantity has no meaning for a plan without an amount/),
    ]);
    const many = valid.replace('max_machines: 2', 'max_machines: 20000');
    expect(await problemsOf(`${many}    quantity: { multiplies: [machines] }\n`)).toEqual([
      expect.stringMatching(/quantity.maximum makes more than 1000000000 machines of 20000 each/),
    ]);
    expect(await problemsOf(`${many}    quantity: { maximum: 50000, multiplies: [machines] }\n`)).toEqual([]);
  });

  it('credit that is required is of a meter, which no plan includes as well', async () => {
    const prepaid = (rest: string) =>
      problemsOf(`${valid}meters: [{ id: hours, name: Hours, unit: hour, kind: time }]\n${rest}`);
    expect(await prepaid('license: { require_credit: hours }\n')).toEqual([]);
    expect(await prepaid('license: { require_credit: hour }\n')).toEqual([
      expect.stringMatching(/license.require_credit names the meter "hour".*Did you mean hours/),
    ]);
    const included = '    allowances: [{ meter: hours, included: 5 }]\n';
    const both = valid.replace('    license:\n      max_machines: 2\n', `$&${included}`);
    const meters = 'meters: [{ id: hours, name: Hours, unit: hour, kind: time }]\n';
    expect(await problemsOf(`${both}${meters}`)).toEqual([]);
    for (const rest of ['license: { require_credit: hours }\n', 'timed_use: { meter: hours }\n']) {
      expect(await problemsOf(`${both}${meters}${rest}`)).toEqual([
        expect.stringContaining('which is bought in advance'),
      ]);
    }
  });

  it('what is bought in advance costs at least what Stripe charges at once, in its currency', async () => {
    const sold = (rest: string) =>
      problemsOf(`${valid}meters: [{ id: hours, name: Hours, unit: hour, kind: time }]\n${rest}`);
    const rate = (currency: string, more = '') =>
      `credit: [{ meter: hours, currency: ${currency}, units_per_major: 2${more} }]\n`;
    const pack = (more: string) => `packs: [{ id: small, name: Small, meter: hours, ${more} }]\n`;
    expect(await sold(`${rate('usd')}${pack('quantity: 1')}`)).toEqual([]);
    expect(await sold(`${rate('jpy')}${pack('quantity: 99')}`)).toEqual([]);
    expect(await sold(pack('quantity: 1, amount: 30, currency: gbp'))).toEqual([]);
    expect(await sold(`${rate('huf')}${pack('quantity: 349')}`)).toEqual([
      expect.stringMatching(
        /packs\[0\].quantity costs 174.50 HUF, and the least .* is 175.00 HUF\. Write a larger quantity/,
      ),
    ]);
    expect(await sold(pack('quantity: 1, amount: 49, currency: usd'))).toEqual([
      expect.stringMatching(/packs\[0\].amount costs 0.49 USD, and the least .* is 0.50 USD\. Write a larger amount/),
    ]);
    expect(await sold(`${rate('usd')}${pack('quantity: 9, amount: 49')}`)).toEqual([
      expect.stringContaining('packs[0].amount costs 0.49 USD'),
    ]);
    expect(await sold(rate('sek', ', custom: { minimum: 1, maximum: 5 }'))).toEqual([
      expect.stringMatching(/credit\[0\].custom.maximum costs 2.50 SEK, and the least .* is 3.00 SEK/),
    ]);
    expect(await sold(rate('sek', ', custom: { minimum: 1, maximum: 6 }'))).toEqual([]);
  });

  it('a plan that is left while a renewal is unpaid has to be one, and goes with a downgrade', async () => {
    const dunning = (rules: string) => problemsOf(`${valid}dunning: { ${rules} }\n`);
    expect(await dunning('when_grace_ends: downgrade, downgrade_to: free')).toEqual([]);
    expect(await dunning('when_grace_ends: downgrade')).toEqual([expect.stringContaining('downgrade_to is missing')]);
    expect(await dunning('when_grace_ends: downgrade, downgrade_to: fre')).toEqual([
      expect.stringMatching(/names the plan "fre".*Did you mean free/),
    ]);
    expect(await dunning('downgrade_to: free')).toEqual([expect.stringContaining('has no meaning')]);
  });

  it.each([
    [
      'amount: 2500',
      'amount: 25.5',
      'acme.yaml:14:15 plans[1].price.amount must be a whole number of cents (got 25.5). Write 2500 for 25.00.',
    ],
    [
      'amount: 2500',
      'amount: -1',
      'acme.yaml:14:15 plans[1].price.amount must not be negative (got -1). Write 2500 for 25.00.',
    ],
    [
      'amount: 2500',
      'amount: $25',
      'acme.yaml:14:15 plans[1].price.amount must be a whole number of cents (got "$25"). Write 2500 for 25.00.',
    ],
    ['      amount: 2500\n', '', 'acme.yaml:14:7 plans[1].price.amount is missing. Write 2500 for 25.00.'],
    [
      'amount: 2500',
      'amuont: 2500',
      'acme.yaml:14:7 plans[1].price.amount is missing. Write 2500 for 25.00.\n' +
        'acme.yaml:14:7 plans[1].price.amuont is not a field of the catalog. Did you mean amount?',
    ],
    [
      'max_machines: 2',
      'colour: red',
      'acme.yaml:19:7 plans[1].license.colour is not a field of the catalog. Known here: term_days, term_basis, ' +
        'expiry, renewal_basis, grace_days, max_machines, require_product, require_machine, machine_matching, ' +
        'machine_uniqueness, when_machines_full, owner_release, expiring_notice_days, offline_file_days, ' +
        'require_credit.',
    ],
    [
      'interval: month\n    inherits',
      'interval: monthly\n    inherits',
      'acme.yaml:16:17 plans[1].price.interval is not known (got "monthly"). ' +
        'Did you mean month? Write one of day, week, month, year, once.',
    ],
    [
      'currency: usd\n      interval',
      'currency: USD\n      interval',
      'acme.yaml:15:17 plans[1].price.currency must be a currency (got "USD"). Write its three letters in lower case, such as usd.',
    ],
    [
      'currency: usd\n      interval',
      'currency: usq\n      interval',
      'acme.yaml:15:17 plans[1].price.currency is not a currency (got "usq"). ' +
        'Write its three letters of ISO 4217 in lower case, such as usd.',
    ],
    [
      '- id: pro',
      '- id: free',
      'acme.yaml:11:9 plans[1].id repeats the plan "free" of plans[0]. Give each plan an id of its own.',
    ],
    [
      'inherits: free',
      'inherits: fre',
      'acme.yaml:17:15 plans[1].inherits names the plan "fre", which does not exist. Did you mean free?',
    ],
    [
      'features: [basic]',
      'inherits: pro',
      'acme.yaml:10:15 plans[0].inherits leads back to this plan. Let the lowest plan inherit from none.\n' +
        'acme.yaml:17:15 plans[1].inherits leads back to this plan. Let the lowest plan inherit from none.',
    ],
    [
      'max_machines: 2',
      'max_machines: -2',
      'acme.yaml:19:21 plans[1].license.max_machines must be a whole number, or -1 for unlimited (got -2). Write -1 for unlimited.',
    ],
    [
      'scheme: sha512-hmac',
      'scheme: signed',
      'acme.yaml:5:11 key.secret is not used by the scheme signed. Remove the line.',
    ],
    [
      'scheme: sha512-hmac',
      'scheme: random',
      'acme.yaml:5:11 key.secret is not used by the scheme random. Remove the line.',
    ],
    [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the catalog's own notation
      '  secret: ${env:ACME_SECRET}\n',
      '',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the catalog's own notation
      'acme.yaml:4:3 key.secret is missing; the scheme sha512-hmac needs one. Write for example secret: ${env:LICENSE_MASTER_SECRET}.',
    ],
    [
      'price: { amount: 0, currency: usd, interval: month }',
      'price: { amount: 500, currency: usd, interval: year, interval_count: 4 }',
      'acme.yaml:9:74 plans[0].price.interval_count must be at most 3 with interval year. Stripe bills at most three years at a time.',
    ],
    [
      'id: acme\n',
      'id: Acme Inc\n',
      'acme.yaml:1:5 id must be 1 to 40 lower-case letters, digits and hyphens, with a letter or digit at both ends (got "Acme Inc"). Write for example my-product.',
    ],
    [
      'name: Acme\n',
      'name: 2024\n',
      'acme.yaml:2:7 name must be text (got 2024). Put it in quotation marks if it looks like a number or a date.',
    ],
    [
      '  - id: free\n',
      '\t- id: free\n',
      'acme.yaml:7:1 is not valid YAML: Tabs are not allowed as indentation. Indent with spaces; YAML does not allow tabs there.',
    ],
    [
      'name: Pro\n',
      'name: Pro\n    name: Pro\n',
      'acme.yaml:13:5 is not valid YAML: Map keys must be unique. Remove one of the two fields.',
    ],
    [
      'name: Pro\n',
      'name: *pro\n',
      'acme.yaml:12:11 uses the alias *pro, which is not defined. Define &pro above this place.',
    ],
  ])('%j written as %j', async (passage, instead, expected) => {
    expect((await problemsOf(written(passage, instead))).join('\n')).toBe(expected);
  });

  it('never repeats a secret that was written where its name belongs', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the catalog's own notation
    const [problem] = await problemsOf(written('${env:ACME_SECRET}', 'correct-horse-battery-staple'));
    expect(problem).toContain('key.secret must name an environment variable and never be the secret itself');
    expect(problem).not.toContain('correct-horse');
  });

  it('reports everything of every file at once', async () => {
    const other = written('id: acme\n', 'id: other\n')
      .replace('amount: 2500', 'amount: 1.5')
      .replace('max_machines: 2', 'max_machines: a');
    const problems = await problemsOf(written('amount: 2500', 'amount: -5'), [{ file: 'other.yaml', text: other }]);
    expect(problems.map((problem) => problem.split(' ').slice(0, 2).join(' '))).toEqual([
      'acme.yaml:14:15 plans[1].price.amount',
      'other.yaml:14:15 plans[1].price.amount',
      'other.yaml:19:21 plans[1].license.max_machines',
    ]);
  });

  it('finds a product or an existing price that two files claim', async () => {
    const priced = written('amount: 2500', 'amount: 2500\n      stripe_price: price_1');
    expect(await problemsOf(priced, [{ file: 'again.yaml', text: priced }])).toEqual([
      'again.yaml:1:5 id repeats the product "acme" of acme.yaml. Give each product an id of its own.',
      'again.yaml:15:21 plans[1].price.stripe_price is already the price of acme/pro, so a payment would not tell which was bought. ' +
        'Give each plan a price of its own in Stripe.',
    ]);
  });
});

describe('a catalog that is no catalog', () => {
  it('is refused above 1 MiB without being read as YAML', async () => {
    expect(await problemsOf(Buffer.alloc(1024 * 1024 + 1, 'a'))).toEqual([
      'acme.yaml is larger than 1048576 bytes. Write one file for each product.',
    ]);
  });

  it('is refused when a few aliases stand for millions of values', async () => {
    const bomb = Array.from(
      { length: 12 },
      (_, level) => `a${level}: &a${level} [${Array(9).fill(level === 0 ? 'x' : `*a${level - 1}`)}]`,
    );
    const started = performance.now();
    const [problem] = await problemsOf(bomb.join('\n'));
    expect(problem).toMatch(/stands for more than 50000 values\. Use fewer aliases\.$/);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('is refused when it refers to itself', async () => {
    const [problem] = await problemsOf('id: &self [*self]');
    expect(problem).toMatch(/levels deep|Unresolved alias/);
  });

  it('is refused when it is nested beyond any sense', async () => {
    const [deep] = await problemsOf(`id: ${'['.repeat(40)}${']'.repeat(40)}`);
    expect(deep).toMatch(/is nested more than 32 levels deep/);
    const [deeper] = await problemsOf('['.repeat(200_000));
    expect(deeper).toMatch(/^acme\.yaml.* (is not valid YAML|cannot be read as YAML|is nested)/);
  });

  it.each([
    ['', 'acme.yaml holds no product.'],
    ['---\n---\nid: x', 'acme.yaml:1:4 must be a product with id, name, key and plans (got null).'],
    ['just text', 'acme.yaml:1:1 must be a product with id, name, key and plans (got "just text").'],
    ['[1, 2]', 'acme.yaml:1:1 must be a product with id, name, key and plans (got a list).'],
    ['{1: 2}', 'acme.yaml:1:2 has a field whose name is not text.'],
    ['__proto__: { polluted: true }', 'acme.yaml:1:1 __proto__ is not a field of the catalog.'],
    ['id: !secret x', 'acme.yaml:1:5 is not valid YAML: Unresolved tag: !secret.'],
  ])('%j is refused', async (text, expected) => {
    const problems = await problemsOf(text);
    expect(problems.map((problem) => problem.slice(0, expected.length))).toContain(expected);
  });

  it('is refused when it is not UTF-8', async () => {
    expect(await problemsOf(Uint8Array.of(0xff, 0xfe, 0x00))).toEqual(['acme.yaml is not UTF-8. Save it as UTF-8.']);
  });
});

describe('suggestions', () => {
  it('are made for slips of the pen, not for other words', () => {
    expect(nearest('amuont', ['amount', 'currency'])).toBe('amount');
    expect(nearest('colour', ['amount', 'currency'])).toBeNull();
    expect(nearest('x', [])).toBeNull();
  });
});
