import { z } from 'zod';
import type { Http } from '../http/index.ts';
import type { Reconciler } from './reconciliation.ts';
import type { Reconciliation } from './reconciliation-repository.ts';

const TAGS = ['Reconciliation'];
const config = { access: 'admin' } as const;

const runAnswer = z.object({
  object: z.literal('reconciliation'),
  id: z.string(),
  mode: z.enum(['report', 'fix']),
  status: z.enum(['running', 'done', 'failed']),
  stage: z.string().describe('The type of object that is being compared.'),
  checked: z.int().describe('Objects of Stripe that were compared.'),
  found: z.int().describe('How many differ.'),
  fixed: z.int(),
  differences: z
    .array(
      z.object({
        type: z.string(),
        id: z.string(),
        problem: z.enum(['missing', 'differs', 'gone']),
        fields: z.array(z.string()),
        fixed: z.boolean(),
      }),
    )
    .describe('The first thousand.'),
  error: z.string().nullable(),
  started_at: z.string(),
  finished_at: z.string().nullable(),
});

/** Comparing everything with Stripe: begun here, looked at until it is done. */
export function registerReconciliationRoutes(http: Http, { reconciler }: { reconciler: Reconciler }): void {
  http.post(
    '/v1/reconciliations',
    {
      config: { ...config, idempotency: false },
      schema: {
        tags: TAGS,
        summary: 'Compare everything with Stripe',
        description:
          'Goes through all that Stripe has, in pages, in the background; one at a time. With `fix`, what differs is taken over from ' +
          'Stripe, and licences and letters follow as if the webhook had come.',
        body: z.object({ fix: z.boolean().optional() }).nullish(),
        response: { 202: runAnswer },
      },
    },
    async (request, reply) => {
      const run = await reconciler.start(request.body?.fix === true ? 'fix' : 'report');
      return reply.code(202).send(runView(run));
    },
  );

  http.get(
    '/v1/reconciliations/:id',
    {
      config,
      schema: {
        tags: TAGS,
        summary: 'Read a comparison',
        params: z.object({ id: z.string().min(1).max(100) }),
        response: { 200: runAnswer },
      },
    },
    async ({ params }) => runView(await reconciler.get(params.id)),
  );
}

function runView({ startedAt, finishedAt, ...run }: Reconciliation): z.infer<typeof runAnswer> {
  return {
    object: 'reconciliation',
    ...run,
    started_at: startedAt.toISOString(),
    finished_at: finishedAt?.toISOString() ?? null,
  };
}
