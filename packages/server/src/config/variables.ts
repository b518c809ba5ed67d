/** Each environment variable: its form, and the words for when it is wrong. */

import { z } from 'zod';

const port = (remedy: string) =>
  z.coerce.number({ error: remedy }).int({ error: remedy }).min(0, { error: remedy }).max(65_535, { error: remedy });

const url = (protocols: RegExp, remedy: string) => z.url({ protocol: protocols, error: remedy });

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const wholeSeconds = (least: number, remedy: string) =>
  z.coerce.number({ error: remedy }).int({ error: remedy }).min(least, { error: remedy });

const keepMonthsRemedy = 'Give a whole number of months, 3 to 1200; without it events are kept for ever.';

const flag = (remedy: string) =>
  z.stringbool({ truthy: ['true', 'on', 'yes', '1'], falsy: ['false', 'off', 'no', '0'], error: remedy });

const originRemedy =
  'Write origins without a path, separated by commas: https://shop.example.com,http://localhost:5173.';
const origins = list.refine((items) => items.every((item) => URL.canParse(item) && new URL(item).origin === item), {
  error: originRemedy,
});

const webUrl = /^https?$/;
const secretKeyShape = /^(sk|rk)_(test|live)_[A-Za-z0-9_]+$/;

/** Where a root secret starts to be hard to guess, whatever it is made of. */
export const leastSecretLength = 32;

export const variables = z.object({
  PORT: port('Give a port from 1 to 65535; 4242 is the default.').optional(),
  HOST: z.string().optional(),
  PUBLIC_URL: url(webUrl, 'Give the address that customers see, such as https://licenses.example.com.').optional(),
  SANDBOX_PORT: port('Give a port from 1 to 65535; the default is PORT plus one.').optional(),
  DATA_DIR: z.string().optional(),
  DATABASE_URL: url(
    /^postgres(ql)?$/,
    'Give a PostgreSQL address: postgres://user:password@host:5432/database.',
  ).optional(),
  DATABASE_POOL_SIZE: wholeSeconds(2, 'Give a whole number of connections, 2 or more; 10 is the default.').optional(),
  SANDBOX: flag('Write on or off.').optional(),
  LATCHKEY_SECRET: list
    .refine((secrets) => secrets.every((secret) => secret.length >= leastSecretLength), {
      error: `Each secret (commas separate several) needs ${leastSecretLength} characters or more; "openssl rand -base64 48" prints a good one.`,
    })
    .optional(),
  REDIS_URL: url(/^rediss?$/, 'Give a Redis address: redis://host:6379.').optional(),
  CATALOG: z.string().optional(),
  ADMIN_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]+$/, { error: 'Use letters, digits and signs without blanks.' })
    .optional(),
  JWT_SECRET: list.optional(),
  JWT_JWKS_URL: url(webUrl, 'Give the address of a JSON Web Key Set.').optional(),
  JWT_ISSUER: z.string().max(500).optional(),
  JWT_AUDIENCE: z.string().max(500).optional(),
  STRIPE_SECRET_KEY: z
    .string()
    .regex(secretKeyShape, {
      error: 'A secret key begins with sk_test_, sk_live_, rk_test_ or rk_live_; see Stripe → Developers → API keys.',
    })
    .optional(),
  STRIPE_PUBLISHABLE_KEY: z
    .string()
    .regex(/^pk_(test|live)_/, { error: 'A publishable key begins with pk_test_ or pk_live_.' })
    .optional(),
  STRIPE_WEBHOOK_SECRET: list.optional(),
  STRIPE_API_URL: url(webUrl, 'Give the address of a Stripe-compatible API, such as http://127.0.0.1:4243.').optional(),
  ALLOWED_ORIGINS: origins.optional(),
  HOURS_PER_DOLLAR: z.coerce
    .number({ error: 'Give a number above zero, such as 0.2.' })
    .positive({ error: 'Give a number above zero, such as 0.2.' })
    .optional(),
  PAYMENT_CURRENCY: z
    .string()
    .regex(/^[A-Za-z]{3}$/, { error: 'Give a currency of three letters, such as usd.' })
    .toLowerCase()
    .optional(),
  USAGE_CHECK_INTERVAL: wholeSeconds(1, 'Give a whole number of seconds, 1 or more.').optional(),
  USAGE_EVENTS_KEEP_MONTHS: wholeSeconds(3, keepMonthsRemedy).max(1_200, { error: keepMonthsRemedy }).optional(),
  ENABLE_DEMO_MODE: flag('Write true or false.').optional(),
  DEMO_MODE_MAX_BOTS: wholeSeconds(0, 'Give a whole number, 0 or more.').optional(),
  LICENSE_SERVER_URL: url(webUrl, 'Give the address of the Latchkey server.').optional(),
  SMTP_URL: url(
    /^smtps?$/,
    'Give a mail server: smtp://user:password@host:587, or smtps:// for TLS from the start.',
  ).optional(),
  MAIL_FROM: z
    .string()
    .regex(/^[^\r\n]*@[^\r\n]+$/, { error: 'Give a sender such as "Licenses <licenses@example.com>".' })
    .optional(),
  ALERT_EMAIL: z
    .string()
    .regex(/^[^\s@<>,;"]+@[^\s@<>,;"]+$/, { error: 'Give one address, such as billing@example.com.' })
    .optional(),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'Write fatal, error, warn, info, debug, trace or silent.',
    })
    .optional(),
  LOG_DIR: z.string().optional(),
  MONITOR_INTERVAL: wholeSeconds(
    1,
    'Give the seconds between two looks at all subscriptions; 3600 is the default.',
  ).optional(),
  TRUST_PROXY: z.string().optional(),
});

export type Variables = z.infer<typeof variables>;
export type VariableName = keyof Variables;
