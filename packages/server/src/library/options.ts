import { type Config, parseConfig } from '../config/config.ts';

/** What a program that runs Latchkey itself may say; each is an environment variable's worth, with the same default. */
export interface LatchkeyOptions {
  host?: string;
  /** 0 takes any free port. */
  port?: number;
  publicUrl?: string;
  dataDir?: string;
  /** PostgreSQL instead of the embedded database. */
  databaseUrl?: string;
  databasePoolSize?: number;
  /** A local Stripe instead of the real one; by default only where neither a Stripe key nor a database is given. */
  sandbox?: boolean;
  sandboxPort?: number;
  /** The root secret; a list while one replaces another, newest first. */
  secret?: string | readonly string[];
  adminToken?: string;
  /** A file, folder or pattern of product YAML. */
  catalog?: string;
  stripeSecretKey?: string;
  stripePublishableKey?: string;
  stripeWebhookSecret?: string | readonly string[];
  stripeApiUrl?: string;
  smtpUrl?: string;
  mailFrom?: string;
  allowedOrigins?: readonly string[];
  logLevel?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  logDir?: string;
  monitorIntervalSeconds?: number;
  /** What the catalog names as `${env:NAME}`, such as LICENSE_MASTER_SECRET. Nothing is read from the process's environment. */
  variables?: Readonly<Record<string, string>>;
}

const list = (value: string | readonly string[] | undefined) => (typeof value === 'string' ? value : value?.join(','));
const text = (value: number | boolean | undefined) => (value === undefined ? undefined : String(value));

/** The options as the configuration they mean. Throws a ConfigError that names what is wrong by its environment variable. */
export function configOf(options: LatchkeyOptions): Config {
  return parseConfig({
    LOG_LEVEL: 'silent',
    ...options.variables,
    ...defined({
      HOST: options.host,
      PORT: text(options.port),
      PUBLIC_URL: options.publicUrl,
      DATA_DIR: options.dataDir,
      DATABASE_URL: options.databaseUrl,
      DATABASE_POOL_SIZE: text(options.databasePoolSize),
      SANDBOX: options.sandbox === undefined ? undefined : options.sandbox ? 'on' : 'off',
      SANDBOX_PORT: text(options.sandboxPort),
      LATCHKEY_SECRET: list(options.secret),
      ADMIN_TOKEN: options.adminToken,
      CATALOG: options.catalog,
      STRIPE_SECRET_KEY: options.stripeSecretKey,
      STRIPE_PUBLISHABLE_KEY: options.stripePublishableKey,
      STRIPE_WEBHOOK_SECRET: list(options.stripeWebhookSecret),
      STRIPE_API_URL: options.stripeApiUrl,
      SMTP_URL: options.smtpUrl,
      MAIL_FROM: options.mailFrom,
      ALLOWED_ORIGINS: list(options.allowedOrigins),
      LOG_LEVEL: options.logLevel,
      LOG_DIR: options.logDir,
      MONITOR_INTERVAL: text(options.monitorIntervalSeconds),
    }),
  });
}

function defined(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
