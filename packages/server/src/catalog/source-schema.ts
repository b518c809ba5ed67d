/**
 * What a vendor may write in a catalog file: one YAML document for each product. Keys are in snake case and every default
 * is stated in its description, which is also what editors show (docs/catalog.schema.json is made from this file).
 *
 * A message is what a value must be, then after a line break what to write; the reporter puts the field in front.
 */

import { MOST_QUANTITY, parseFraction } from '@latchkey/core';
import { z } from 'zod';

/** A requirement and its remedy, as one zod message. */
function must(requirement: string, remedy: string): string {
  return `${requirement}\n${remedy}`;
}

const id = z
  .string(must('must be text', 'Write lower-case letters, digits and hyphens, such as my-product.'))
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
    must(
      'must be 1 to 40 lower-case letters, digits and hyphens, with a letter or digit at both ends',
      'Write for example my-product.',
    ),
  );

const term = z
  .string(must('must be text', 'Write lower-case letters, digits and underscores, such as live_trading.'))
  .regex(
    /^[a-z][a-z0-9_.-]{0,63}$/,
    must(
      'must begin with a lower-case letter and have only lower-case letters, digits and _ . - (at most 64)',
      'Write for example live_trading.',
    ),
  );

function text(longest: number) {
  return z
    .string(must('must be text', 'Put it in quotation marks if it looks like a number or a date.'))
    .regex(/\S/, must('must not be empty', 'Write some text or leave the line out.'))
    .max(longest, must(`must have at most ${longest} characters`, 'Shorten it.'))
    .refine((value) => !/[\p{Cc}\p{Cs}]/u.test(value.replaceAll('\n', ' ')), {
      error: must('must not hold control characters', 'Remove them.'),
    });
}

function whole(from: number, to: number, unit: string) {
  const range = must(`must be a whole number of ${unit} from ${from} to ${to}`, 'Write it with digits only.');
  return z.int({ error: range }).min(from, range).max(to, range);
}

const cents = (least: number) => {
  const remedy = 'Write 2500 for 25.00.';
  return z
    .int({ error: must('must be a whole number of cents', remedy) })
    .min(least, must(least === 0 ? 'must not be negative' : `must be at least ${least}`, remedy))
    .max(99_999_999, must('must not be above 99999999, the largest amount Stripe takes', remedy));
};

const flag = z.boolean({ error: must('must be true or false', 'Write true or false without quotation marks.') });

function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, { error: must('is not known', `Write one of ${values.join(', ')}.`) });
}

const currency = z
  .string(must('must be a currency', 'Write its three letters in lower case, such as usd.'))
  .regex(/^[a-z]{3}$/, must('must be a currency', 'Write its three letters in lower case, such as usd.'));

/** -1 stands for unlimited, as in the products this came from. */
const limit = z
  .int({ error: must('must be a whole number, or -1 for unlimited', 'Write for example 10.') })
  .min(-1, must('must be a whole number, or -1 for unlimited', 'Write -1 for unlimited.'))
  .max(1_000_000_000, must('must not be above 1000000000', 'Write -1 for unlimited.'));

function list<T extends z.ZodType>(item: T, most: number, what: string) {
  return z
    .array(item, { error: must(`must be a list of ${what}`, 'Write each on a line of its own, after a hyphen.') })
    .max(most, must(`must have at most ${most} entries`, 'Remove some.'));
}

function section<T extends z.ZodRawShape>(shape: T, what: string) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? undefined
        : must(`must be ${what}`, 'Write its fields below it, each as "name: value" and further to the right.'),
  });
}

const limits = z
  .record(term, limit, { error: must('must be names with numbers', 'Write for example max_bots: 10.') })
  .refine((value) => Object.keys(value).length <= 100, {
    error: must('must have at most 100 entries', 'Remove some.'),
  });

const price = section(
  {
    amount: cents(0).describe(
      "In the currency's smallest unit: 2500 is 25.00 USD. 0 is a free plan, or with an allowance whose overage is billed one that costs what is used.",
    ),
    currency: currency.describe('Three letters in lower case, such as usd.'),
    interval: choice(['day', 'week', 'month', 'year', 'once']).describe(
      'How often it is paid; once is a single payment.',
    ),
    interval_count: whole(1, 1095, 'intervals').optional().describe('3 with month is a quarter. Default 1.'),
    trial_days: whole(0, 730, 'days').optional().describe('Days before the first payment. Default 0.'),
    stripe_price: z
      .string(must('must be the id of a price in Stripe', 'Write price_…, or leave it out to have one made.'))
      .regex(/^[A-Za-z0-9_]{3,255}$/, must('must be the id of a price in Stripe', 'Write price_…, or leave it out.'))
      .nullish()
      .describe('A price that exists in Stripe already. Without it, `latchkey catalog push` makes one.'),
  },
  'a price with amount, currency and interval, or null for a plan that is not for sale',
);

/** Every field may be left out, in the product (for all plans) and in the plan (over the product's). */
const licensePolicy = section(
  {
    term_days: whole(1, 36_525, 'days')
      .nullable()
      .describe('Days a licence runs where no subscription sets its end; null is for ever. Default null.'),
    term_basis: choice(['issue', 'first_validation', 'first_activation']).describe(
      'What the term is counted from. Default issue.',
    ),
    expiry: choice(['restrict', 'revoke', 'maintain', 'allow']).describe(
      'What the end means: not valid; revoked; valid for releases until then; valid still. Default restrict.',
    ),
    renewal_basis: choice(['expiry', 'now']).describe('A renewal counts from the old end or from now. Default expiry.'),
    grace_days: whole(0, 365, 'days').describe('Days of grace after the term, without a subscription. Default 0.'),
    max_machines: limit.describe('Machines that may be active at a time; -1 is unlimited. Default 1.'),
    require_product: flag.describe('Whether a validation must name the product. Default false.'),
    require_machine: flag.describe('Whether a validation must name a machine. Default false.'),
    machine_matching: choice(['any', 'two', 'most', 'all']).describe(
      'How many components of a machine must match. Default most.',
    ),
    machine_uniqueness: choice(['license', 'plan', 'product']).describe(
      'Within what a fingerprint is active once. Default license.',
    ),
    when_machines_full: choice(['refuse', 'request']).describe(
      'Whether a machine too many is only refused, or the vendor is asked to let it in as well. Default refuse.',
    ),
    owner_release: section(
      { max: whole(0, 1_000, 'machines'), days: whole(1, 365, 'days') },
      'how many machines in how many days',
    ).describe('Machines that the owner may release by a mailed link. Default 3 in 30 days; max 0 is none.'),
    expiring_notice_days: list(whole(1, 365, 'days'), 10, 'days').describe(
      'Days before the end on which to write. Default 7 and 1.',
    ),
    offline_file_days: limit
      .refine((value) => value !== 0, { error: must('must be days, -1 or null', 'Write null for no files.') })
      .nullable()
      .describe('How long a signed licence file may live. Default 14; -1 is for ever, null is none.'),
    require_credit: id
      .nullable()
      .describe('The meter of which something must be left for a validation to say yes. Default null: none.'),
  },
  'what a licence allows',
).partial();

/** Every field may be left out, in the product (for all plans) and in the plan (over the product's). */
const checkout = section(
  {
    promotion_codes: flag.describe('Whether customers may enter a promotion code of Stripe. Default false.'),
    automatic_tax: flag.describe('Whether Stripe works out the tax and adds it. Default false.'),
  },
  'promotion_codes and automatic_tax',
).partial();

const plan = section(
  {
    id,
    name: text(100),
    description: text(1000).optional(),
    price: price.nullable().describe('null: not for sale, issued by the vendor only.'),
    license: licensePolicy.optional().describe("What a licence of this plan allows, over the product's own `license`."),
    inherits: id.optional().describe('Another plan of this product, whose features and limits this one has as well.'),
    features: list(term, 200, 'features').optional().describe('Names that the software asks for.'),
    highlights: list(text(200), 50, 'sentences').optional().describe('Sentences for the price page.'),
    limits: limits.optional().describe('Numbers that the software asks for, such as max_bots: 10; -1 is unlimited.'),
    allowances: list(
      section(
        {
          meter: id,
          included: limit.describe('Units included in each period; -1 is unlimited.'),
          beyond: choice(['refuse', 'bill', 'allow']).describe('What happens past them. Default refuse.').optional(),
          overage: section(
            { amount: cents(1), per: whole(1, 1_000_000_000, 'units').optional() },
            'an amount, and for how many units it is',
          )
            .optional()
            .describe('What use past it costs: amount in cents, per so many units (default 1).'),
          ceiling: whole(1, 1_000_000_000, 'units')
            .optional()
            .describe('Even billed use is refused past this many units.'),
          notify_at: list(whole(1, 1_000, 'percent'), 10, 'percentages')
            .optional()
            .describe(
              'The customer is told when so many percent of it are used. Default 80 and 100; an empty list: never.',
            ),
        },
        'an allowance with meter and included',
      ),
      50,
      'allowances',
    )
      .optional()
      .describe('What the plan includes of each meter, in each period.'),
    checkout: checkout.optional().describe("What the page that sells it offers, over the product's own `checkout`."),
    quantity: section(
      {
        maximum: whole(1, MOST_QUANTITY, 'units').describe(
          `The most that one customer can have. Default ${MOST_QUANTITY}.`,
        ),
        multiplies: list(choice(['machines']), 1, 'things').describe(
          'What of the licence is there for each. Default nothing.',
        ),
      },
      'a maximum, and what it multiplies',
    )
      .partial()
      .optional()
      .describe('Several at once, such as seats. Without it pages sell one.'),
  },
  'a plan with id, name and price',
);

const meter = section(
  {
    id,
    name: text(100),
    unit: text(40).describe('What one is called, such as call or hour.'),
    kind: choice(['quantity', 'time']).optional().describe('time is counted in microseconds. Default quantity.'),
    scale: whole(0, 6, 'decimal places').optional().describe('Decimal places of a quantity. Default 0: whole units.'),
    aggregation: choice(['sum', 'count', 'max', 'last']).optional().describe('Default sum.'),
    endpoint_costs: list(
      section(
        {
          method: choice(['*', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).optional().describe('Default *: any.'),
          route: z
            .string(must('must be a path', 'Write for example /signals/history/:symbol.'))
            .regex(
              /^\/[A-Za-z0-9/_:.*-]{0,200}$/,
              must('must be a path', 'Write for example /signals/history/:symbol.'),
            ),
          units: whole(0, 1_000_000, 'units'),
        },
        'a route and its units',
      ),
      500,
      'routes',
    )
      .optional()
      .describe("Units that a request to each route of the vendor's software costs."),
  },
  'a meter with id, name and unit',
);

const decimal = z
  .union([z.number(), z.string()], must('must be a number above zero', 'Write for example 0.2.'))
  .refine((value) => (parseFraction(String(value))?.numerator ?? 0) > 0, {
    error: must('must be a plain decimal above zero', 'Write for example 0.2.'),
  });

/** One product, as written. */
export const productSource = section(
  {
    id: id.describe('Never changes once something was sold.'),
    name: text(100),
    description: text(1000).optional(),
    vendor: section(
      {
        name: text(100),
        support_email: z
          .email(must('must be an e-mail address', 'Write for example help@example.com.'))
          .max(254)
          .optional(),
        url: z
          .url({ protocol: /^https?$/, error: must('must be a web address', 'Write for example https://example.com.') })
          .max(500)
          .optional(),
      },
      'the name, support_email and url of the vendor',
    )
      .optional()
      .describe("Who signs the letters. Default: the product's name."),
    key: section(
      {
        scheme: choice(['sha512-hmac', 'sealed', 'random', 'tier-signature', 'signed']),
        prefix: z
          .string(must('must be text', 'Write 2 to 8 capital letters and digits, such as CO.'))
          .regex(/^[A-Z][A-Z0-9]{1,7}$/, must('must be 2 to 8 capital letters and digits', 'Write for example CO.'))
          .optional(),
        secret: z
          .string(must('must name an environment variable', `Write for example \${env:LICENSE_MASTER_SECRET}.`))
          .regex(
            /^\$\{env:[A-Z][A-Z0-9_]{0,99}\}$/,
            must(
              'must name an environment variable and never be the secret itself',
              `Write for example \${env:MASTER_KEY}.`,
            ),
          )
          .optional()
          .describe('The environment variable that holds the secret; "new,old" in it while one replaces another.'),
      },
      'a scheme with its prefix and secret',
    ).describe('How licence keys look and what makes them genuine.'),
    license: licensePolicy.optional().describe('What the licences of all plans allow, unless a plan says otherwise.'),
    checkout: checkout.optional().describe('What the pages that sell its plans offer, unless a plan says otherwise.'),
    plans: list(plan, 100, 'plans')
      .min(1, must('must have at least one plan', 'Write one below it.'))
      .describe('From the least to the most.'),
    meters: list(meter, 50, 'meters').optional().describe('What is counted.'),
    packs: list(
      section(
        {
          id,
          name: text(100),
          meter: id,
          quantity: whole(1, 1_000_000_000, 'units'),
          amount: cents(1).optional().describe('In cents. Default: what `credit` says the quantity costs.'),
          currency: currency.optional().describe('Default: the currency of `credit`.'),
        },
        'a pack with id, name, meter and quantity',
      ),
      100,
      'packs',
    )
      .optional()
      .describe('Amounts of a meter that are bought in advance.'),
    credit: list(
      section(
        {
          meter: id,
          currency,
          units_per_major: decimal.describe(
            'Units that one dollar (or other whole unit of the currency) buys, such as 0.2.',
          ),
          custom: section(
            { minimum: whole(1, 1_000_000_000, 'units'), maximum: whole(1, 1_000_000_000, 'units') },
            'a minimum and a maximum',
          )
            .optional()
            .describe('Bounds of amounts that customers choose themselves. Without it they choose among the packs.'),
        },
        'a meter with currency and units_per_major',
      ),
      50,
      'rates',
    )
      .optional()
      .describe('What units bought in advance cost where a pack names no price.'),
    timed_use: section(
      {
        meter: id,
        interval_seconds: whole(1, 86_400, 'seconds').optional().describe('How often use is deducted. Default 300.'),
        parallel_sessions: choice(['allow', 'refuse']).optional().describe('Default allow.'),
      },
      'a meter, interval_seconds and parallel_sessions',
    )
      .optional()
      .describe('Use measured by the clock while a session lives.'),
    dunning: section(
      {
        grace_days: whole(0, 365, 'days').optional().describe('Days of use past the paid time. Default 3.'),
        when_grace_ends: choice(['suspend', 'keep', 'downgrade'])
          .optional()
          .describe('What becomes of the licence until it is paid. Default suspend.'),
        downgrade_to: id.optional().describe('The plan that is left, with downgrade.'),
        failures_before_revocation: whole(1, 20, 'failures').nullish().describe('Default 3; null never revokes.'),
      },
      'grace_days, when_grace_ends, downgrade_to and failures_before_revocation',
    )
      .optional()
      .describe('What follows when a renewal is not paid.'),
    cancellation: section(
      {
        effect: choice(['revoke', 'expire', 'downgrade']),
        downgrade_to: id.optional().describe('The plan that follows, with effect downgrade.'),
      },
      'an effect',
    )
      .optional()
      .describe('What the end of a subscription does to its licence. Default: revoke.'),
    plan_change: section(
      {
        upgrade: choice(['now', 'period_end']).optional(),
        downgrade: choice(['now', 'period_end']).optional(),
        proration: choice(['always_invoice', 'create_prorations', 'none'])
          .optional()
          .describe('The rest of the period: settled at once, on the next invoice, or not. Default always_invoice.'),
      },
      'upgrade, downgrade and proration',
    )
      .optional()
      .describe('When a change of plan takes effect. Default: upgrades now, downgrades at the end of the period.'),
    overage: choice(['meter_events', 'invoice_items'])
      .optional()
      .describe(
        'How use beyond a plan reaches Stripe: by metered prices, or as amounts on the invoice. Default meter_events.',
      ),
    withdrawal: section(
      {
        on_refund: choice(['revoke', 'keep']).optional(),
        on_dispute: choice(['suspend', 'revoke', 'keep']).optional(),
      },
      'on_refund and on_dispute',
    )
      .optional()
      .describe('What is taken back when money is. Default: revoke on a refund, suspend on a dispute.'),
    demo: section(
      {
        enabled: flag,
        limits: limits.optional(),
        flags: z
          .record(
            term,
            section(
              {
                enabled: flag,
                message: text(200).optional(),
                unlimited: term.optional().describe('A limit of a plan that, unlimited, switches it on as well.'),
              },
              'enabled and a message',
            ),
            {
              error: must(
                'must be names with enabled and message',
                'Write for example live_trading: { enabled: false }.',
              ),
            },
          )
          .optional()
          .describe('What the software may do, and what to say where it may not.'),
      },
      'enabled, limits and flags',
    )
      .optional()
      .describe('What the software may do without a licence.'),
    dialect: id
      .optional()
      .describe('The older paths and bodies by which this product is spoken to as well; one product may speak each.'),
  },
  'a product with id, name, key and plans',
);

export type ProductSource = z.infer<typeof productSource>;
export type PlanSource = ProductSource['plans'][number];
