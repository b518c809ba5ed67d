import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from './config.ts';

const secret = 'a'.repeat(32);
const live = {
  STRIPE_SECRET_KEY: 'sk_live_abc123',
  STRIPE_WEBHOOK_SECRET: 'whsec_1, whsec_2',
  CATALOG: './catalog',
};

function problemsOf(environment: Record<string, string>): string[] {
  try {
    parseConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ variable }) => variable);
    throw error;
  }
  return [];
}

describe('with nothing set', () => {
  it('is a sandbox on this machine alone, with everything generated', () => {
    const config = parseConfig({});
    expect(config).toMatchObject({
      mode: 'sandbox',
      host: '127.0.0.1',
      port: 4242,
      publicUrl: 'http://127.0.0.1:4242',
      sandbox: { port: 4243, joinUrl: null },
      databaseUrl: null,
      rootSecrets: null,
      adminToken: null,
      stripe: { secretKey: null, webhookSecrets: [] },
      allowedOrigins: [],
      logLevel: 'info',
      usageEventsKeepMonths: null,
      monitorIntervalSeconds: 3_600,
      trustProxy: false,
    });
    expect(config.dataDir).toMatch(/\/data$/);
  });

  it('takes a variable that is set to nothing for one that is not set', () => {
    expect(parseConfig({ PORT: '', STRIPE_SECRET_KEY: ' ', SANDBOX: '' })).toMatchObject({
      mode: 'sandbox',
      port: 4242,
    });
  });
});

describe('the mode', () => {
  it.each([
    [{}, 'sandbox'],
    [{ STRIPE_SECRET_KEY: 'sk_test_x', STRIPE_WEBHOOK_SECRET: 'whsec_x', CATALOG: 'c' }, 'live'],
    [{ DATABASE_URL: 'postgres://localhost/x', LATCHKEY_SECRET: secret, CATALOG: 'c' }, 'live'],
    [{ DATABASE_URL: 'postgres://localhost/x', LATCHKEY_SECRET: secret, SANDBOX: 'on' }, 'sandbox'],
    [{ STRIPE_SECRET_KEY: 'sk_test_x', SANDBOX: 'on' }, 'sandbox'],
    [{ SANDBOX: 'off', CATALOG: 'c' }, 'live'],
  ])('of %o is %s', (environment, mode) => {
    expect(parseConfig(environment).mode).toBe(mode);
  });

  it('joins a local Stripe that another process runs', () => {
    const config = parseConfig({ SANDBOX: 'on', STRIPE_API_URL: 'http://127.0.0.1:4243/' });
    expect(config.sandbox.joinUrl).toBe('http://127.0.0.1:4243');
    expect(parseConfig({ ...live, STRIPE_API_URL: 'http://127.0.0.1:4243/' }).sandbox.joinUrl).toBeNull();
  });
});

describe('what is refused', () => {
  it.each([
    ['PORT', { PORT: 'http' }],
    ['PORT', { PORT: '70000' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'licenses.example.com' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://localhost/x', LATCHKEY_SECRET: secret }],
    ['SANDBOX', { SANDBOX: 'perhaps' }],
    ['LATCHKEY_SECRET', { LATCHKEY_SECRET: 'short' }],
    ['LATCHKEY_SECRET', { LATCHKEY_SECRET: `${secret},short` }],
    ['LATCHKEY_SECRET', { DATABASE_URL: 'postgres://localhost/x', SANDBOX: 'on' }],
    ['STRIPE_SECRET_KEY', { ...live, STRIPE_SECRET_KEY: 'pk_live_wrong_one' }],
    ['STRIPE_SECRET_KEY', { STRIPE_SECRET_KEY: 'sk_live_abc', SANDBOX: 'on' }],
    ['CATALOG', { ...live, CATALOG: '' }],
    ['ADMIN_TOKEN', { ...live, ADMIN_TOKEN: 'admin' }],
    ['ADMIN_TOKEN', { ADMIN_TOKEN: 'two words' }],
    ['JWT_SECRET', { ...live, JWT_SECRET: `${secret},short` }],
    ['STRIPE_PUBLISHABLE_KEY', { ...live, STRIPE_PUBLISHABLE_KEY: 'pk_test_x' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'https://shop.example.com/path' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
    ['SMTP_URL', { SMTP_URL: 'mail.example.com' }],
    ['MAIL_FROM', { MAIL_FROM: 'nobody' }],
    ['HOURS_PER_DOLLAR', { HOURS_PER_DOLLAR: '0' }],
    ['USAGE_EVENTS_KEEP_MONTHS', { USAGE_EVENTS_KEEP_MONTHS: '2' }],
    ['MONITOR_INTERVAL', { MONITOR_INTERVAL: '0.5' }],
  ])('%s, by name, in %o', (variable, environment) => {
    expect(problemsOf(environment)).toEqual([variable]);
  });

  it('is told all at once, each with its remedy and without the value', () => {
    const environment = { PORT: 'x', LOG_LEVEL: 'y', STRIPE_SECRET_KEY: 'my-very-secret-value' };
    expect(problemsOf(environment)).toEqual(['PORT', 'STRIPE_SECRET_KEY', 'LOG_LEVEL']);
    expect(() => parseConfig(environment)).toThrow(/PORT: Give a port/);
    expect(() => parseConfig(environment)).not.toThrow(/my-very-secret-value/);
  });
});

describe('what is read', () => {
  it('are lists, newest first, and addresses without a slash at the end', () => {
    const config = parseConfig({
      ...live,
      LATCHKEY_SECRET: `${secret}, ${'b'.repeat(40)}`,
      PUBLIC_URL: 'https://licenses.example.com/',
      ALLOWED_ORIGINS: 'http://localhost:5173,https://shop.example.com',
    });
    expect(config.rootSecrets).toEqual([secret, 'b'.repeat(40)]);
    expect(config.stripe.webhookSecrets).toEqual(['whsec_1', 'whsec_2']);
    expect(config.publicUrl).toBe('https://licenses.example.com');
    expect(config.allowedOrigins).toEqual(['http://localhost:5173', 'https://shop.example.com']);
  });

  it.each([
    [{ HOST: '0.0.0.0' }, 'http://localhost:4242'],
    [{ HOST: '::1', PORT: '80' }, 'http://[::1]:80'],
    [{ HOST: 'licenses.internal', PORT: '8080' }, 'http://licenses.internal:8080'],
  ])('an address that a browser can open, from %o', (environment, publicUrl) => {
    expect(parseConfig(environment).publicUrl).toBe(publicUrl);
  });

  it.each([
    [undefined, false],
    ['true', true],
    ['off', false],
    ['10.0.0.0/8', '10.0.0.0/8'],
  ])('TRUST_PROXY=%s as %s', (text, trust) => {
    expect(parseConfig({ TRUST_PROXY: text }).trustProxy).toBe(trust);
  });
});
