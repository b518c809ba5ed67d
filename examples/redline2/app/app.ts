/** A program whose time is paid for: two routes behind the SDK's sessions, and nothing of hours in the handlers. */

import { createClient, createSessionKeeper, isOutage } from '@latchkey/sdk';
import { trackSessions } from '@latchkey/sdk/fastify';
import { type FastifyInstance, fastify } from 'fastify';

export interface AppOptions {
  /** Where Latchkey answers. Without a token the licence key of each request is enough. */
  latchkey: { url: string; token?: string | undefined };
  /** How long a key may be silent before its session ends. */
  idleMs?: number | undefined;
  onProblem?: (error: unknown) => void;
}

export interface App {
  app: FastifyInstance;
  /** Ends every session, with the time that is left to count. */
  close(): Promise<void>;
}

export function createApp({ latchkey, idleMs, onProblem }: AppOptions): App {
  const sessions = createSessionKeeper({
    client: createClient(latchkey),
    // Whoever paid works on while Latchkey is away.
    whenUnreachable: 'open',
    ...(idleMs === undefined ? {} : { idleMs }),
    ...(onProblem === undefined ? {} : { onProblem }),
  });
  const app = fastify({ forceCloseConnections: true });
  trackSessions(app, sessions, {
    routes: ['/api/status', '/api/upload'],
    present: ({ status, code, detail }) => ({ status, body: { error: detail, code } }),
  });
  routes(app, `${latchkey.url}/payments/`);
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'There is nothing here.' }));
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = isOutage(error) ? 503 : (error.statusCode ?? 500);
    if (status >= 500) onProblem?.(error);
    return reply.code(status).send({ error: status < 500 ? error.message : 'Something broke here.' });
  });
  return {
    app,
    async close() {
      await app.close();
      await sessions.close();
    },
  };
}

interface Upload {
  name?: unknown;
  rows?: unknown;
}

function routes(app: FastifyInstance, payments: string): void {
  app.get('/api/status', () => ({ status: 'running', payments }));
  app.post<{ Body: Upload | null }>('/api/upload', (request, reply) => {
    const { name = 'data', rows } = request.body ?? {};
    if (!Array.isArray(rows)) return reply.code(400).send({ error: 'Send {"name": …, "rows": […]}.' });
    return reply.code(201).send({ name: String(name), rows: rows.length });
  });
}
