import { z } from 'zod';
import type { Http } from '../http/index.ts';
import type { GoLive } from './golive.ts';

const report = z.object({
  object: z.literal('golive'),
  ready: z.boolean(),
  checks: z.array(z.object({ name: z.string(), status: z.enum(['ok', 'warn', 'fail']), detail: z.string() })),
  endpoint: z.object({
    url: z.string(),
    id: z.string().nullable(),
    action: z
      .enum(['created', 'updated', 'kept', 'create', 'update', 'none'])
      .describe('`create` and `update`: what it would have done.'),
    secret: z.string().nullable().describe('Only when it was created: Stripe says it once.'),
    events: z.array(z.string()),
    api_version: z.string().nullable(),
  }),
});

/** `POST /v1/golive`: what has to be right before real customers pay. */
export function registerGoLive(http: Http, { goLive }: { goLive: GoLive }): void {
  http.post(
    '/v1/golive',
    {
      config: { access: 'admin', idempotency: false },
      schema: {
        tags: ['Health'],
        summary: 'Check what has to be right before customers pay, and set up the webhook endpoint',
        description:
          'Makes the endpoint at this server’s address in Stripe, or changes it to the events that are handled. Running it again ' +
          'changes nothing; with `dry_run` nothing is changed at all.',
        body: z.object({ dry_run: z.boolean().optional() }).nullish(),
        response: { 200: report },
      },
    },
    async (request, reply) => {
      const { type, id } = request.principal;
      const { endpoint, ...rest } = await goLive({ dryRun: request.body?.dry_run ?? false, actor: { type, id } });
      const { apiVersion, events, ...known } = endpoint;
      // A secret is in it.
      reply.header('cache-control', 'no-store');
      return {
        object: 'golive' as const,
        ...rest,
        endpoint: { ...known, events: [...events], api_version: apiVersion },
      };
    },
  );
}
