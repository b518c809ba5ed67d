/** The webhook endpoint through which a local Stripe delivers to us, and the secret it signs with. */

import type { Database } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import type { Sealed, Vault } from '../security/vault.ts';

/** What is asked of Stripe for it. */
export interface EndpointApi {
  listWebhookEndpoints(): Promise<{ id: string; url: string }[]>;
  createWebhookEndpoint(endpoint: { url: string; events: readonly string[] }): Promise<{ id: string; secret: string }>;
}

interface StoredEndpoint {
  id: string;
  secretId: string;
  ciphertext: string;
}

/** Each process has an address of its own, unless they share one behind PUBLIC_URL. */
const settingOf = (url: string) => `sandbox_webhook_endpoint:${url}`;
const PURPOSE = 'sandbox-webhook-secret';

/**
 * The signing secret of our endpoint at the local Stripe, which is registered when there is none: Stripe shows a secret only
 * once, so it is kept, sealed, for the starts to come and for other processes on this database.
 */
export async function ensureWebhookEndpoint(options: {
  api: EndpointApi;
  database: Database;
  vault: Vault;
  clock: Clock;
  url: string;
}): Promise<string> {
  const { api, database, vault, clock, url } = options;
  const registered = await api.listWebhookEndpoints();
  const row = await database.connection
    .selectFrom('settings')
    .select('value')
    .where('key', '=', settingOf(url))
    .executeTakeFirst();
  const stored = row?.value as StoredEndpoint | undefined;
  if (stored !== undefined && registered.some(({ id }) => id === stored.id)) {
    return vault.open(PURPOSE, unseal(stored), stored.id);
  }
  const { id, secret } = await api.createWebhookEndpoint({ url, events: ['*'] });
  const sealed = vault.seal(PURPOSE, secret, id);
  const value = JSON.stringify({
    id,
    secretId: sealed.secretId,
    ciphertext: Buffer.from(sealed.ciphertext).toString('base64'),
  } satisfies StoredEndpoint);
  const updated_at = clock.wall();
  await database.transaction({ actor: { type: 'system', id: 'start' } }, async ({ connection }) => {
    await connection
      .insertInto('settings')
      .values({ key: settingOf(url), value, updated_at })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value, updated_at }))
      .execute();
  });
  return secret;
}

function unseal({ secretId, ciphertext }: StoredEndpoint): Sealed {
  return { secretId, ciphertext: Buffer.from(ciphertext, 'base64') };
}
