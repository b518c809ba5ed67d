import { LatchkeyError } from '@latchkey/core';
import { sql } from 'kysely';
import { z } from 'zod';
import type { Mode } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Http, HttpRequest } from './types.ts';

/** Something without which this server should get no requests. */
export interface ReadinessCheck {
  name: string;
  /** Whether all is well, with figures for whoever looks after the server. A check that throws is not well. */
  check(): Promise<{ ok: boolean; detail?: Record<string, unknown> }>;
}

export interface HealthOptions {
  version: string;
  mode: Mode;
  metrics: Metrics;
  checks: readonly ReadinessCheck[];
  /** More for `/health`, such as the products that are sold. */
  facts?: () => Record<string, unknown>;
}

/** A check that takes longer is as good as failed: a load balancer does not wait. */
const checkTimeoutMs = 2_000;

/** `/health` (this process lives), `/health/ready` (it can do its work) and `/metrics`. */
export function registerHealthRoutes(http: Http, { version, mode, metrics, checks, facts }: HealthOptions): void {
  const started = process.uptime();
  const open = { access: 'anyone', quiet: true, rateLimit: false } as const;
  const healthSchema = z.looseObject({
    status: z.literal('healthy'),
    service: z.string(),
    version: z.string(),
    mode: z.enum(['sandbox', 'live']),
    uptime_s: z.number(),
  });
  http.get(
    '/health',
    { config: open, schema: { summary: 'Is the process alive', tags: ['Health'], response: { 200: healthSchema } } },
    async () => ({
      status: 'healthy' as const,
      service: 'license-generation',
      version,
      mode,
      uptime_s: Math.floor(process.uptime() - started),
      ...facts?.(),
    }),
  );
  const readySchema = z.object({
    status: z.enum(['ready', 'not_ready']),
    checks: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.record(z.string(), z.unknown()).optional() })),
  });
  http.get(
    '/health/ready',
    {
      config: open,
      schema: {
        summary: 'Can the process do its work',
        tags: ['Health'],
        response: { 200: readySchema, 503: readySchema },
      },
    },
    async (request, reply) => {
      const results = await Promise.all(checks.map(async (one) => [one.name, await runCheck(one)] as const));
      const isReady = results.every(([, { ok }]) => ok);
      const shown = isInsider(request) ? results : results.map(([name, { ok }]) => [name, { ok }] as const);
      reply.code(isReady ? 200 : 503);
      return { status: isReady ? ('ready' as const) : ('not_ready' as const), checks: Object.fromEntries(shown) };
    },
  );
  http.get('/metrics', { config: open, schema: { hide: true } }, async (request, reply) => {
    if (!isInsider(request)) {
      throw new LatchkeyError('unauthorized', 'Metrics are for the admin token, or for a scraper on this machine.');
    }
    return reply.type(metrics.contentType).send(await metrics.text());
  });
}

/** The database answers. */
export function databaseCheck(database: Database): ReadinessCheck {
  return {
    name: 'database',
    async check() {
      await sql`SELECT 1`.execute(database.connection);
      return { ok: true, detail: { engine: database.engine } };
    },
  };
}

async function runCheck({ check }: ReadinessCheck): Promise<{ ok: boolean; detail?: Record<string, unknown> }> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${checkTimeoutMs} ms`)), checkTimeoutMs);
  });
  try {
    return await Promise.race([check(), timeout]);
  } catch (error) {
    return { ok: false, detail: { error: error instanceof Error ? error.message : String(error) } };
  } finally {
    clearTimeout(timer);
  }
}

/** Whether figures may be shown: to the admin, or to a program on this machine that does not merely pass on what came from elsewhere. */
export function isInsider(request: HttpRequest): boolean {
  if (request.principal.type === 'admin') return true;
  const { headers, socket } = request;
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false;
  const address = socket.remoteAddress ?? '';
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
