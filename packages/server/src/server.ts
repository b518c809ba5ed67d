/** Latchkey over HTTP: an app, its routes and its jobs, started and stopped in order. */

import type { AddressInfo } from 'node:net';
import { type App, createApp, stampApp } from './app.ts';
import type { Config } from './config/config.ts';
import { type Foundation, openFoundation, type World } from './foundation.ts';
import { closeHttp, type Http } from './http/index.ts';
import { ensureWebhookEndpoint } from './sandbox/webhook-endpoint.ts';
import { createServerHttp } from './server-http.ts';
import { createServerJobs } from './server-jobs.ts';

export interface Server {
  app: App;
  http: Http;
  /** Where it listens. */
  url: string;
  close(): Promise<void>;
}

export interface StartOptions {
  world?: World;
  /** Log lines for people at a terminal. */
  isPretty?: boolean;
}

/** How long requests in flight may take to finish when the server stops. */
const CLOSE_WITHIN_MS = 5_000;

/** Opens an app, ready to be called: for the library, and for the server that listens on top of it. */
export async function openApp(config: Config, { world, isPretty }: StartOptions = {}): Promise<App> {
  const foundation: Foundation = await openFoundation(config, world, isPretty);
  let app: App | null = null;
  try {
    app = await createApp(foundation);
    await stampApp(app);
    await app.startWorkers();
    return app;
  } catch (error) {
    await (app ?? foundation).close();
    throw error;
  }
}

/** Starts everything and listens. Whatever was started is stopped again when something on the way fails. */
export async function startServer(config: Config, options: StartOptions = {}): Promise<Server> {
  const app = await openApp(config, options);
  let http: Http | null = null;
  try {
    http = await createServerHttp(app);
    const isSandbox = app.localStripe !== null;
    if (isSandbox) await app.pushCatalog();
    // Whoever finds the port open finds everything ready; only where the port was not known must the endpoint wait for it.
    if (isSandbox && config.port !== 0) await registerEndpoint(app);
    const url = await listen(http, app);
    if (isSandbox && config.port === 0) await registerEndpoint(app);
    const jobs = createServerJobs(app);
    await jobs.start();
    const listening = http;
    return {
      app,
      http,
      url,
      async close() {
        await closeHttp(listening, CLOSE_WITHIN_MS);
        await jobs.stop();
        await app.close();
      },
    };
  } catch (error) {
    if (http !== null) await closeHttp(http, CLOSE_WITHIN_MS);
    await app.close();
    throw error;
  }
}

async function listen(http: Http, app: App): Promise<string> {
  const { host, port, publicUrl } = app.config;
  await http.listen({ host, port });
  const address = http.server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  const url = `http://${name}:${address.port}`;
  // With port 0 the address was not known before.
  if (port === 0) app.publicUrl.current = publicUrl.replace(/:0$/, `:${address.port}`);
  return url;
}

/** Tells the local Stripe where to deliver. */
async function registerEndpoint(app: App): Promise<void> {
  const { stripe, database, vault, clock } = app;
  const url = `${app.publicUrl.current}/webhook/stripe`;
  app.webhookSecrets.push(await ensureWebhookEndpoint({ api: stripe, database, vault, clock, url }));
}
