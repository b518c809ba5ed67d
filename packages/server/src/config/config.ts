import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { type VariableName, type Variables, variables } from './variables.ts';

export type Mode = 'sandbox' | 'live';
export type LogLevel = NonNullable<Variables['LOG_LEVEL']>;

/** What HS256 asks of its key. */
const leastTokenSecretBytes = 32;

/** Everything the environment says, read once. */
export interface Config {
  host: string;
  port: number;
  /** Without a slash at its end. With port 0 it is known only once the server listens. */
  publicUrl: string;
  dataDir: string;
  databaseUrl: string | null;
  databasePoolSize: number;
  mode: Mode;
  /** The local Stripe: our own on `port`, or another process's at `joinUrl`. Means nothing in live mode. */
  sandbox: { port: number; joinUrl: string | null };
  /** LATCHKEY_SECRET, newest first; null when it is to be generated into the data folder. */
  rootSecrets: string[] | null;
  /** null when it is to be generated into the data folder. */
  adminToken: string | null;
  stripe: {
    secretKey: string | null;
    publishableKey: string | null;
    webhookSecrets: string[];
    apiUrl: string | null;
  };
  catalogPath: string | null;
  /** As it was handed in, for the `${env:NAME}` of catalogs. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Tokens that the vendor signs for customers: HS256 under these secrets, newest first, or by a key of the set at `jwksUrl`. */
  customerTokens: { secrets: string[]; jwksUrl: string | null; issuer: string | null; audience: string | null };
  redisUrl: string | null;
  smtpUrl: string | null;
  mailFrom: string;
  /** Where the vendor hears of failed payments and disputes; null: nowhere. */
  alertEmail: string | null;
  logLevel: LogLevel;
  logDir: string | null;
  allowedOrigins: string[];
  /** For how many months the events of use are kept; null is for ever. */
  usageEventsKeepMonths: number | null;
  monitorIntervalSeconds: number;
  /** Whose word about a caller's address is believed: nobody's, everybody's, or that of these addresses. */
  trustProxy: boolean | string;
  hoursPerDollar: number | null;
  paymentCurrency: string | null;
  usageCheckIntervalSeconds: number | null;
  demoMode: { enabled: boolean; maxBots: number };
  licenseServerUrl: string | null;
}

export interface ConfigProblem {
  variable: string;
  remedy: string;
}

/** The environment cannot be used; its message names every variable at fault and what to write instead. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ variable, remedy }) => `  ${variable}: ${remedy}`);
    super(`The environment cannot be used as it is.\n${lines.join('\n')}`);
    this.problems = problems;
  }
}

/** Reads the environment. Throws a `ConfigError` with all that is wrong at once. */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given: Record<string, string> = {};
  for (const name of Object.keys(variables.shape)) {
    // A variable set to nothing, as container files do, is not set.
    const text = environment[name]?.trim();
    if (text !== undefined && text !== '') given[name] = text;
  }
  const parsed = variables.safeParse(given);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map(({ path, message }) => ({ variable: String(path[0]), remedy: message })),
    );
  }
  const values = parsed.data;
  const mode = chooseMode(values);
  const problems = findContradictions(values, mode);
  if (problems.length > 0) throw new ConfigError(problems);
  return assemble(values, mode, environment);
}

function chooseMode(values: Variables): Mode {
  const isSandbox = values.SANDBOX ?? (values.STRIPE_SECRET_KEY === undefined && values.DATABASE_URL === undefined);
  return isSandbox ? 'sandbox' : 'live';
}

function findContradictions(values: Variables, mode: Mode): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const when = (wrong: boolean, variable: VariableName, remedy: string) => {
    if (wrong) problems.push({ variable, remedy });
  };
  const { STRIPE_SECRET_KEY: key, DATABASE_URL: databaseUrl } = values;
  when(
    databaseUrl !== undefined && !values.LATCHKEY_SECRET?.length,
    'LATCHKEY_SECRET',
    'Set it when DATABASE_URL is set: what is stored there can be read only with it. "openssl rand -base64 48" prints a good one; keep it with your backups.',
  );
  if (mode === 'sandbox') {
    when(
      key?.includes('_live_') ?? false,
      'STRIPE_SECRET_KEY',
      'A live key must not be used in the sandbox. Set SANDBOX=off, or leave the key out.',
    );
    return problems;
  }
  when(
    values.CATALOG === undefined,
    'CATALOG',
    'Name the folder or file with your product YAML; only the sandbox brings products of its own.',
  );
  when(
    values.ADMIN_TOKEN !== undefined && values.ADMIN_TOKEN.length < 24,
    'ADMIN_TOKEN',
    'Use 24 characters or more where money is real; "openssl rand -hex 24" prints a good one.',
  );
  when(
    values.JWT_SECRET?.some((secret) => Buffer.byteLength(secret) < leastTokenSecretBytes) ?? false,
    'JWT_SECRET',
    'Use 32 characters or more where money is real (RFC 7518, section 3.2): whoever guesses it is every customer.',
  );
  const publishable = values.STRIPE_PUBLISHABLE_KEY;
  when(
    key !== undefined && publishable !== undefined && key.includes('_live_') !== publishable.startsWith('pk_live_'),
    'STRIPE_PUBLISHABLE_KEY',
    'One Stripe key is live and the other is for tests. Take both from the same page.',
  );
  return problems;
}

function assemble(values: Variables, mode: Mode, environment: Config['environment']): Config {
  const host = values.HOST ?? '127.0.0.1';
  const port = values.PORT ?? 4242;
  return {
    host,
    port,
    publicUrl: (values.PUBLIC_URL ?? `http://${addressable(host)}:${port}`).replace(/\/+$/, ''),
    dataDir: resolve(values.DATA_DIR ?? './data'),
    databaseUrl: values.DATABASE_URL ?? null,
    databasePoolSize: values.DATABASE_POOL_SIZE ?? 10,
    mode,
    sandbox: {
      port: values.SANDBOX_PORT ?? (port === 0 ? 0 : port + 1),
      joinUrl: mode === 'sandbox' ? withoutSlash(values.STRIPE_API_URL) : null,
    },
    rootSecrets: values.LATCHKEY_SECRET?.length ? values.LATCHKEY_SECRET : null,
    adminToken: values.ADMIN_TOKEN ?? null,
    stripe: {
      secretKey: values.STRIPE_SECRET_KEY ?? null,
      publishableKey: values.STRIPE_PUBLISHABLE_KEY ?? null,
      webhookSecrets: values.STRIPE_WEBHOOK_SECRET ?? [],
      apiUrl: withoutSlash(values.STRIPE_API_URL),
    },
    catalogPath: values.CATALOG ?? null,
    environment: { ...environment },
    customerTokens: {
      secrets: values.JWT_SECRET ?? [],
      jwksUrl: values.JWT_JWKS_URL ?? null,
      issuer: values.JWT_ISSUER ?? null,
      audience: values.JWT_AUDIENCE ?? null,
    },
    redisUrl: values.REDIS_URL ?? null,
    smtpUrl: values.SMTP_URL ?? null,
    mailFrom: values.MAIL_FROM ?? 'Latchkey <licenses@localhost>',
    alertEmail: values.ALERT_EMAIL ?? null,
    logLevel: values.LOG_LEVEL ?? 'info',
    logDir: values.LOG_DIR ?? null,
    allowedOrigins: values.ALLOWED_ORIGINS ?? [],
    usageEventsKeepMonths: values.USAGE_EVENTS_KEEP_MONTHS ?? null,
    monitorIntervalSeconds: values.MONITOR_INTERVAL ?? 3_600,
    trustProxy: readTrust(values.TRUST_PROXY),
    hoursPerDollar: values.HOURS_PER_DOLLAR ?? null,
    paymentCurrency: values.PAYMENT_CURRENCY ?? null,
    usageCheckIntervalSeconds: values.USAGE_CHECK_INTERVAL ?? null,
    demoMode: { enabled: values.ENABLE_DEMO_MODE ?? true, maxBots: values.DEMO_MODE_MAX_BOTS ?? 3 },
    licenseServerUrl: withoutSlash(values.LICENSE_SERVER_URL),
  };
}

function withoutSlash(url: string | undefined): string | null {
  return url?.replace(/\/+$/, '') ?? null;
}

// "All addresses" is no address that a browser could open.
function addressable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return isIP(host) === 6 ? `[${host}]` : host;
}

function readTrust(text: string | undefined): boolean | string {
  if (text === undefined || /^(false|off|no|0)$/i.test(text)) return false;
  return /^(true|on|yes|1)$/i.test(text) ? true : text;
}
