import { type Catalog, isPaid } from '@latchkey/core';
import { currentPrice } from '../catalog/price-repository.ts';
import type { Config } from '../config/config.ts';
import type { Actor, Database } from '../db/database.ts';
import type { Audit } from '../modules/audit/index.ts';
import type { StripeClient, WebhookEndpoint } from './client/index.ts';
import { HANDLED_EVENTS } from './handled-events.ts';
import type { StripePrice } from './shapes.ts';

/** One thing that has to be right before real customers pay. `warn`: it works, and somebody should know. */
export interface GoLiveCheck {
  name: 'mode' | 'public_url' | 'account' | 'prices' | 'mail' | 'webhook_secret' | 'webhook_endpoint';
  status: 'ok' | 'warn' | 'fail';
  detail: string;
}

export interface GoLiveReport {
  /** Whether nothing failed. */
  ready: boolean;
  checks: GoLiveCheck[];
  endpoint: {
    url: string;
    id: string | null;
    /** `create` and `update` are what a dry run would do; `none`: something else has to be right first. */
    action: 'created' | 'updated' | 'kept' | 'create' | 'update' | 'none';
    /** What Stripe signs with. Stripe says it once, when the endpoint is made. */
    secret: string | null;
    events: readonly string[];
    apiVersion: string | null;
  };
}

export interface GoLiveOptions {
  config: Pick<Config, 'mode' | 'stripe' | 'smtpUrl'>;
  client: StripeClient;
  catalog: Catalog;
  database: Database;
  audit: Audit;
  publicUrl(): string;
  /** From now on deliveries signed with it are believed, until the process ends. */
  trust(secret: string): void;
}

export type GoLive = (options: { dryRun: boolean; actor: Actor }) => Promise<GoLiveReport>;

const PATH = '/webhook/stripe';

/**
 * Looks at everything that has to be right before real customers pay, and brings the webhook endpoint in line: made where there is none
 * at our address, and else changed to the events that are handled. Running it again changes nothing. Throws `stripe_not_configured` and
 * `stripe_unavailable`.
 */
export function createGoLive(options: GoLiveOptions): GoLive {
  const { config, client, catalog, database, audit } = options;

  async function account(): Promise<GoLiveCheck> {
    const { id, chargesEnabled, detailsSubmitted, payoutsEnabled } = await client.account();
    const name = 'account';
    if (!detailsSubmitted) return { name, status: 'fail', detail: `Stripe still wants details of the account ${id}.` };
    if (!chargesEnabled) return { name, status: 'fail', detail: `The account ${id} may not charge yet.` };
    if (!payoutsEnabled) return { name, status: 'warn', detail: `The account ${id} charges; it is not paid out yet.` };
    return { name, status: 'ok', detail: `The account ${id} may charge and is paid out.` };
  }

  async function prices(): Promise<GoLiveCheck> {
    const wrong: string[] = [];
    let count = 0;
    for (const product of catalog.products) {
      for (const plan of product.plans.filter(isPaid)) {
        count += 1;
        const known = await currentPrice(database.connection, product.id, plan.id);
        const price = known === null ? null : await client.fetch('price', known.stripePriceId);
        if ((price?.object as StripePrice | undefined)?.active !== true) wrong.push(`${product.id}/${plan.id}`);
      }
    }
    if (wrong.length === 0) return { name: 'prices', status: 'ok', detail: `All ${count} plans have their price.` };
    const detail = `No active price in Stripe: ${wrong.join(', ')}. \`latchkey catalog push\` makes them.`;
    return { name: 'prices', status: 'fail', detail };
  }

  async function endpoint(
    { dryRun, actor }: { dryRun: boolean; actor: Actor },
    isReachable: boolean,
  ): Promise<{ check: GoLiveCheck; endpoint: GoLiveReport['endpoint'] }> {
    const url = `${options.publicUrl()}${PATH}`;
    const wanted = { url, events: HANDLED_EVENTS };
    const found = (await client.listWebhookEndpoints()).find((one) => one.url === url) ?? null;
    const known = { ...wanted, id: found?.id ?? null, apiVersion: found?.apiVersion ?? null, secret: null };
    if (!isReachable && config.mode === 'live') {
      return {
        check: told('fail', 'Stripe delivers to https addresses alone.'),
        endpoint: { ...known, action: 'none' },
      };
    }
    if (found !== null && listensToAll(found)) {
      return { check: told('ok', `${found.id} listens to what is handled.`), endpoint: { ...known, action: 'kept' } };
    }
    if (dryRun) {
      const detail = found === null ? `None at ${url} yet.` : `${found.id} listens to other events, or not at all.`;
      return {
        check: told('fail', detail),
        endpoint: { ...known, action: found === null ? 'create' : 'update' },
      };
    }
    if (found !== null) {
      await client.updateWebhookEndpoint(found.id, wanted);
      await record(actor, 'webhook_endpoint.updated', found.id, url);
      return {
        check: told('ok', `${found.id} listens to what is handled now.`),
        endpoint: { ...known, action: 'updated' },
      };
    }
    const made = await client.createWebhookEndpoint({ ...wanted, latestVersion: true });
    options.trust(made.secret);
    await record(actor, 'webhook_endpoint.created', made.id, url);
    return {
      check: told('ok', `${made.id} was made. Put its secret into STRIPE_WEBHOOK_SECRET: Stripe says it once.`),
      endpoint: { ...known, id: made.id, apiVersion: made.apiVersion, secret: made.secret, action: 'created' },
    };
  }

  const record = (actor: Actor, action: string, id: string, url: string) =>
    database.transaction({ actor }, (transaction) =>
      audit.record(transaction, { action, subjectType: 'webhook_endpoint', subjectId: id, detail: { url } }),
    );

  return async (how) => {
    const address = publicAddress(options.publicUrl());
    const checks = [mode(config), address, await account(), await prices(), mail(config), webhookSecret(config)];
    const { check, endpoint: made } = await endpoint(how, address.status === 'ok');
    checks.push(check);
    return { ready: checks.every(({ status }) => status !== 'fail'), checks, endpoint: made };
  };
}

function told(status: GoLiveCheck['status'], detail: string): GoLiveCheck {
  return { name: 'webhook_endpoint', status, detail };
}

function listensToAll({ events, status }: WebhookEndpoint): boolean {
  const listens = new Set(events);
  return (
    status === 'enabled' && listens.size === HANDLED_EVENTS.length && HANDLED_EVENTS.every((one) => listens.has(one))
  );
}

function mode({ mode: which, stripe }: GoLiveOptions['config']): GoLiveCheck {
  const name = 'mode';
  if (which === 'sandbox') return { name, status: 'warn', detail: 'This is the sandbox: no money is real.' };
  const isLive = stripe.secretKey?.includes('_live_') ?? false;
  if (!isLive) return { name, status: 'warn', detail: 'The Stripe key is one for tests: no money is real.' };
  return { name, status: 'ok', detail: 'The Stripe key is live.' };
}

function publicAddress(url: string): GoLiveCheck {
  const name = 'public_url';
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:') return { name, status: 'fail', detail: `PUBLIC_URL is ${url}, and has to be https.` };
  if (/^(localhost|127\..*|\[::1\]|.*\.local)$/.test(hostname)) {
    return { name, status: 'fail', detail: `PUBLIC_URL is ${url}, which nobody else can reach.` };
  }
  return { name, status: 'ok', detail: `Customers and Stripe come to ${url}.` };
}

function mail({ smtpUrl, mode: which }: GoLiveOptions['config']): GoLiveCheck {
  const name = 'mail';
  if (smtpUrl !== null) return { name, status: 'ok', detail: 'Letters leave by SMTP_URL.' };
  const where = which === 'sandbox' ? 'the mailbox of the sandbox' : 'the log, with keys masked';
  return {
    name,
    status: which === 'sandbox' ? 'warn' : 'fail',
    detail: `SMTP_URL is not set: letters go to ${where}.`,
  };
}

function webhookSecret({ stripe, mode: which }: GoLiveOptions['config']): GoLiveCheck {
  const name = 'webhook_secret';
  const looksRight = stripe.webhookSecrets.some((secret) => secret.startsWith('whsec_'));
  if (looksRight) return { name, status: 'ok', detail: 'STRIPE_WEBHOOK_SECRET is set.' };
  if (which === 'sandbox') return { name, status: 'warn', detail: 'The local Stripe’s secret is used.' };
  return {
    name,
    status: 'fail',
    detail: 'STRIPE_WEBHOOK_SECRET holds no secret of an endpoint (whsec_…): no payment can be believed.',
  };
}
