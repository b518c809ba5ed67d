import type { AddressInfo } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import type { LicenseGate, Metering, SessionGateOptions, SessionKeeper } from '../../src/index.ts';
import * as onExpress from '../../src/middleware/express.ts';
import * as onFastify from '../../src/middleware/fastify.ts';

/** A vendor's app over loopback. */
export interface TestApp {
  url: string;
  close(): Promise<void>;
}

/** What stands before the routes of the app. */
export type Before =
  | { metering: Metering }
  | { sessions: SessionKeeper; options?: SessionGateOptions }
  | { license: LicenseGate };

/** Called for each request that comes through, with its path; may take its time. */
export type Handler = (path: string) => void | Promise<void>;

export const frameworks = ['fastify', 'express'] as const;

/**
 * An app with `/signals`, `/signals/history/:symbol`, `/broken` (500), `/missing` (404), `/free` and `POST /upload`. Whoever started it
 * closes it.
 */
export function startApp(
  framework: (typeof frameworks)[number],
  before: Before,
  handler: Handler = () => {},
): Promise<TestApp> {
  return framework === 'fastify' ? startFastify(before, handler) : startExpress(before, handler);
}

async function startFastify(before: Before, handler: Handler): Promise<TestApp> {
  const app = fastify({ forceCloseConnections: true });
  if ('metering' in before) onFastify.meterRoutes(app, before.metering);
  else if ('sessions' in before) onFastify.trackSessions(app, before.sessions, before.options);
  else onFastify.requireLicense(app, before.license);
  for (const path of ['/signals', '/signals/history/:symbol', '/free']) {
    app.get(path, async (request) => {
      await handler(request.url);
      return { served: request.url };
    });
  }
  app.post('/upload', async (request) => {
    await handler(request.url);
    return { served: request.url };
  });
  app.get('/missing', (_request, reply) => reply.code(404).send({ error: 'no such symbol' }));
  app.get('/broken', () => {
    throw new Error('the handler broke');
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => app.close() };
}

async function startExpress(before: Before, handler: Handler): Promise<TestApp> {
  const app = express();
  app.use(express.json());
  if ('metering' in before) app.use(onExpress.meterRoutes(before.metering));
  else if ('sessions' in before) app.use(onExpress.trackSessions(before.sessions, before.options));
  else app.use(onExpress.requireLicense(before.license));
  for (const path of ['/signals', '/signals/history/:symbol', '/free']) {
    app.get(path, async (request, response) => {
      await handler(request.url);
      response.json({ served: request.url });
    });
  }
  app.post('/upload', async (request, response) => {
    await handler(request.url);
    response.json({ served: request.url });
  });
  app.get('/missing', (_request, response) => {
    response.status(404).json({ error: 'no such symbol' });
  });
  app.get('/broken', () => {
    throw new Error('the handler broke');
  });
  // Express prints errors that nobody handles.
  const quiet: express.ErrorRequestHandler = (_error, _request, response, _next) => {
    response.status(500).json({ error: 'broken' });
  };
  app.use(quiet);
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A request, with the answer's status, headers and body. */
export async function ask(url: string, init: RequestInit = {}) {
  const response = await fetch(url, init);
  const text = await response.text();
  const body: unknown = text === '' ? null : JSON.parse(text);
  return { status: response.status, headers: response.headers, body: body as Record<string, unknown> };
}
