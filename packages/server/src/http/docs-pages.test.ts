import { readdirSync, readFileSync } from 'node:fs';
import { errorRegistry } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { asAdmin, createTestHttp } from '../../test/support/http.ts';
import { createMetrics } from '../observability/metrics.ts';
import { registerDocsPages } from './docs-pages.ts';
import { databaseCheck, registerHealthRoutes } from './health.ts';
import type { Http } from './types.ts';

const folder = new URL('../../../../docs/errors/', import.meta.url);
let test: TestDatabase;
let http: Http;
let isWell = true;
beforeAll(async () => {
  test = await createTestDatabase();
  http = await createTestHttp({ database: test.database });
  registerDocsPages(http);
  registerHealthRoutes(http, {
    version: '1.2.3',
    mode: 'sandbox',
    metrics: createMetrics(),
    checks: [
      databaseCheck(test.database),
      {
        name: 'inbox',
        check: async () => {
          if (!isWell) throw new Error('at db.internal:5432');
          return { ok: true, detail: { pending: 3 } };
        },
      },
    ],
    facts: () => ({ products: ['one'] }),
  });
  const body = z.object({ name: z.string().describe('What it is called.'), size: z.int().optional() });
  const thing = z.object({ id: z.string() }).meta({ id: 'Thing' });
  http.post(
    '/v1/things',
    {
      config: { access: { scope: 'licenses:write' } },
      schema: { summary: 'Make a thing', tags: ['Things'], body, response: { 201: thing } },
    },
    async (_request, reply) => reply.code(201).send({ id: 'thing_1' }),
  );
  await http.ready();
});
afterAll(async () => {
  await http.close();
  await test.close();
});

describe('every error code', () => {
  it('has a page with its status, its cause and its fix, and there is no page without a code', () => {
    const pages = readdirSync(folder).map((file) => file.replace(/\.md$/, ''));
    expect(pages.sort()).toEqual(Object.keys(errorRegistry).sort());
    for (const [code, { status, title }] of Object.entries(errorRegistry)) {
      const text = readFileSync(new URL(`${code}.md`, folder), 'utf8');
      expect(text).toMatch(
        new RegExp(`^# ${code}\n\n.+HTTP status ${status}\\.\n\n## Cause\n\n.{40,}[\\s\\S]+## Fix\n\n.{40,}`),
      );
      expect(text, `the page of ${code} begins with its title`).toContain(title);
    }
  });

  it('leads, from the problem that carries it, to its page', async () => {
    const problem = (await http.inject('/nowhere')).json();
    const answer = await http.inject(new URL(problem.type).pathname);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.body).toContain('<h1>not_found</h1>');
    expect(answer.body).toContain('<h2>Cause</h2>');
    expect(answer.body).toContain('<code>/docs</code>');
    expect((await http.inject('/docs/errors/nonsense')).json().code).toBe('not_found');
  });
});

describe('the API reference', () => {
  it('is served by this server alone, without the internet', async () => {
    const page = await http.inject('/docs');
    expect(page.statusCode).toBe(200);
    const addresses = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? '');
    expect(addresses).toEqual(['/docs/scalar.js', '/docs/start.js']);
    for (const address of addresses) {
      const script = await http.inject(address);
      expect([script.statusCode, script.headers['content-type']]).toEqual([200, 'text/javascript; charset=utf-8']);
      expect(script.body).toContain('createApiReference');
    }
    expect(page.headers['content-security-policy']).not.toMatch(/https?:/);
  });

  it('describes every call: who may make it, what it takes, answers, and answers when it fails', async () => {
    const document = (await http.inject('/openapi.json')).json();
    expect(document.openapi).toBe('3.1.0');
    expect(document.servers).toEqual([{ url: 'http://latchkey.test' }]);
    expect(document.paths['/v1/things'].post).toMatchObject({
      summary: 'Make a thing',
      security: [{ bearer: ['licenses:write'] }],
      requestBody: {
        content: { 'application/json': { schema: { required: ['name'], properties: { size: { type: 'integer' } } } } },
      },
      responses: {
        201: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } },
        default: { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } },
      },
    });
    expect(document.components.schemas.Problem.properties.code.enum).toContain('rate_limited');
    expect(document.components.schemas.Thing).toBeDefined();
    expect(document.paths['/health'].get.security).toEqual([]);
    expect(Object.keys(document.paths)).not.toContain('/docs');
  });
});

describe('health', () => {
  it('says what is running', async () => {
    expect((await http.inject('/health')).json()).toEqual({
      status: 'healthy',
      service: 'license-generation',
      version: '1.2.3',
      mode: 'sandbox',
      uptime_s: expect.any(Number),
      products: ['one'],
    });
  });

  it('is ready while all checks are well; why not is for insiders alone', async () => {
    const outside = { url: '/health/ready', remoteAddress: '203.0.113.9' };
    expect((await http.inject(outside)).json()).toEqual({
      status: 'ready',
      checks: { database: { ok: true }, inbox: { ok: true } },
    });
    isWell = false;
    const answer = await http.inject(outside);
    expect([answer.statusCode, answer.json().status]).toEqual([503, 'not_ready']);
    expect(answer.body).not.toContain('db.internal');
    const asInsider = await http.inject({ ...outside, headers: asAdmin });
    expect(asInsider.json().checks.inbox).toEqual({ ok: false, detail: { error: 'at db.internal:5432' } });
    isWell = true;
  });

  it('shows metrics to the admin and to this machine, but not to what a proxy on this machine passes on', async () => {
    expect((await http.inject('/metrics')).statusCode).toBe(200);
    expect((await http.inject({ url: '/metrics', headers: { 'x-forwarded-for': '203.0.113.9' } })).statusCode).toBe(
      401,
    );
    expect((await http.inject({ url: '/metrics', remoteAddress: '203.0.113.9' })).statusCode).toBe(401);
    const asInsider = await http.inject({ url: '/metrics', remoteAddress: '203.0.113.9', headers: asAdmin });
    expect(asInsider.body).toContain('# TYPE latchkey_http_request_duration_seconds histogram');
  });
});
