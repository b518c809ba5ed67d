import { z } from 'zod';
import { type Http, isInsider } from '../http/index.ts';
import {
  BILLING_PARTS,
  type BillingFacts,
  type BillingPart,
  type BillingReason,
  type DatabaseFacts,
  judgeBilling,
  statusOf,
} from './billing-health.ts';

export interface BillingHealthOptions {
  facts(): Promise<BillingFacts>;
  /** How many subscriptions stand where. */
  subscriptions(): Promise<Readonly<Record<string, number>>>;
}

const status = z.enum(['healthy', 'degraded', 'unhealthy']);
const part = { status };
const figures = z.int().optional();
const answer = z.object({
  status,
  because: z
    .array(z.object({ part: z.enum(BILLING_PARTS), status, because: z.string() }))
    .describe('What is not well; for the admin alone.')
    .optional(),
  stripe: z.object({
    ...part,
    circuit: z.enum(['closed', 'open', 'half_open', 'not_configured']).describe('Open: calls are refused for a while.'),
  }),
  database: status,
  webhooks: z.object({ ...part, pending: figures, failed: figures, oldest_s: figures }),
  intents: z.object({ ...part, open: figures, oldest_s: figures }),
  effects: z.object({ ...part, pending: figures, dead: figures, oldest_s: figures }),
  comparison: z.object({ ...part, found: figures, fixed: figures }),
  subscriptions: z.record(z.string(), z.int()).describe('How many stand where; empty for who may not know.'),
});

/** `GET /health/billing`: is the way from a payment to a licence clear. */
export function registerBillingHealth(http: Http, { facts, subscriptions }: BillingHealthOptions): void {
  http.get(
    '/health/billing',
    {
      config: { access: 'anyone', quiet: true, rateLimit: false },
      schema: {
        tags: ['Health'],
        summary: 'Is the way from a payment to a licence clear',
        description:
          '`degraded`: it works, and somebody should look. `unhealthy`, answered with 503: who pays now waits for what they bought. ' +
          'Figures and reasons are for the admin token, and for a program on this machine.',
        response: { 200: answer, 503: answer },
      },
    },
    async (request, reply) => {
      const known = await facts();
      const reasons = judgeBilling(known);
      const all = statusOf(reasons);
      reply.code(all === 'unhealthy' ? 503 : 200);
      const judged = { status: all, ...parts(reasons, known) };
      if (!isInsider(request)) return { ...judged, subscriptions: {} };
      const { database } = known;
      if (database === null) return { ...judged, because: reasons, subscriptions: {} };
      const counted = await subscriptions().catch(() => ({}));
      return { ...withFigures(judged, database), because: reasons, subscriptions: counted };
    },
  );
}

function parts(reasons: readonly BillingReason[], { circuit }: BillingFacts) {
  const of = (name: BillingPart) => ({ status: statusOf(reasons, name) });
  return {
    stripe: { ...of('stripe'), circuit: circuit ?? ('not_configured' as const) },
    database: statusOf(reasons, 'database'),
    webhooks: of('webhooks'),
    intents: of('intents'),
    effects: of('effects'),
    comparison: of('comparison'),
  };
}

function withFigures(
  judged: { status: 'healthy' | 'degraded' | 'unhealthy' } & ReturnType<typeof parts>,
  { webhooks, intents, effects, comparison }: DatabaseFacts,
) {
  const oldest = ({ oldestSeconds }: { oldestSeconds: number }) => ({ oldest_s: Math.round(oldestSeconds) });
  return {
    ...judged,
    webhooks: { ...judged.webhooks, pending: webhooks.pending, failed: webhooks.failed, ...oldest(webhooks) },
    intents: { ...judged.intents, open: intents.open, ...oldest(intents) },
    effects: { ...judged.effects, pending: effects.pending, dead: effects.dead, ...oldest(effects) },
    comparison: { ...judged.comparison, found: comparison?.found ?? 0, fixed: comparison?.fixed ?? 0 },
  };
}
