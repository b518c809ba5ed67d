import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import type { Wire } from '../../../../test/support/wire.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { World } from '../../src/foundation.ts';
import { type Server, startServer } from '../../src/server.ts';
import { createMigratedDatabase } from './database.ts';

const JWT_SECRET = 'the secret that signs the customers of a shop';

export interface Answer {
  status: number;
  headers: Headers;
  body: Wire;
}

/** A server with its local Stripe, as its vendor and its customers see it over HTTP. */
export interface Shop {
  server: Server;
  /** As whoever the token names; null is nobody. */
  call(method: string, path: string, token: string | null, body?: unknown): Promise<Answer>;
  /** As the vendor. */
  vendor(method: string, path: string, body?: unknown): Promise<Answer>;
  /** A token of a customer whose address is `<name>@example.com`. */
  tokenOf(name: string): Promise<string>;
  /** At the local Stripe, as the vendor's account. */
  stripe(method: string, path: string, form?: Record<string, string>): Promise<Wire>;
  /** What the local Stripe is told to do. */
  control(path: string, body: object): Promise<Wire>;
  /** Buys a plan with a card, and waits until all that follows is done. Answers the checkout's session. */
  buy(offer: { product: string; plan?: string; email?: string }, token?: string): Promise<Wire>;
  settle(): Promise<void>;
  /** Ends what anybody subscribed to, so that it does not renew in the months that later tests let pass. */
  endSubscriptions(): Promise<void>;
  close(): Promise<void>;
}

export async function openShop(environment: Record<string, string> = {}, world: World = {}): Promise<Shop> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-shop-'));
  const { url, openDatabase, drop } = await createMigratedDatabase();
  const server = await startServer(
    parseConfig({
      PORT: '0',
      SANDBOX: 'on',
      SANDBOX_PORT: '0',
      DATA_DIR: folder,
      LOG_LEVEL: 'silent',
      LATCHKEY_SECRET: 'a root secret for the tests of a shop',
      JWT_SECRET,
      ...(url === null ? {} : { DATABASE_URL: url }),
      ...environment,
    }),
    { world: { openDatabase, ...world } },
  );
  const { app } = server;

  const call: Shop['call'] = async (method, path, token, body) => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };

  async function atStripe(method: string, path: string, token: string, body?: string | URLSearchParams): Promise<Wire> {
    const answer = await fetch(`${app.localStripe?.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body }),
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(`The local Stripe answers ${answer.status}: ${JSON.stringify(said)}`);
    return said;
  }

  const control: Shop['control'] = (path, body) =>
    atStripe('POST', `/_sandbox${path}`, app.adminToken.token, JSON.stringify(body));
  const settle = async () => {
    await control('/webhooks/settle', {});
    await app.settle();
  };
  const stripe: Shop['stripe'] = (method, path, form) =>
    atStripe(method, path, 'sk_test_shop', form === undefined ? undefined : new URLSearchParams(form));
  return {
    server,
    call,
    vendor: (method, path, body) => call(method, path, app.adminToken.token, body),
    tokenOf: (name) =>
      new SignJWT({ email: `${name}@example.com`, email_verified: true })
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject(name)
        .setExpirationTime('1h')
        .sign(new TextEncoder().encode(JWT_SECRET)),
    stripe,
    control,
    async buy(offer, token) {
      const started = await call('POST', '/v1/checkouts', token ?? null, offer);
      if (started.status !== 201) throw new Error(`No checkout: ${JSON.stringify(started.body)}`);
      const path = `/checkout/sessions/${started.body.id}/complete`;
      const session = await control(path, { payment_method: 'pm_card_visa' });
      await settle();
      return session;
    },
    settle,
    async endSubscriptions() {
      const { data } = await stripe('GET', '/v1/subscriptions?limit=100');
      for (const { id } of data) await stripe('DELETE', `/v1/subscriptions/${id}`);
      await settle();
    },
    async close() {
      await server.close();
      await drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
