import type { Circuit } from './resilience.ts';

export type BillingStatus = 'healthy' | 'degraded' | 'unhealthy';

/** What is known of the way from a payment to a licence, at one moment. */
export interface BillingFacts {
  /** Null where no Stripe is configured. */
  circuit: Circuit | null;
  /** Whether a secret is known under which Stripe signs what it delivers. */
  knowsWebhookSecret: boolean;
  /** Null: the database does not answer, and nothing below is known. */
  database: DatabaseFacts | null;
}

export interface DatabaseFacts {
  /** Events of Stripe that were stored. */
  webhooks: { pending: number; failed: number; oldestSeconds: number };
  /** Calls to Stripe that were decided and are not carried out. */
  intents: { open: number; oldestSeconds: number };
  /** Letters and questions that wait to leave. */
  effects: { pending: number; dead: number; oldestSeconds: number };
  /** The last comparison with Stripe; null before the first. */
  comparison: { status: 'running' | 'done' | 'failed'; found: number; fixed: number } | null;
}

/** The parts of billing that are judged each. */
export const BILLING_PARTS = ['stripe', 'database', 'webhooks', 'intents', 'effects', 'comparison'] as const;
export type BillingPart = (typeof BILLING_PARTS)[number];

export interface BillingReason {
  part: BillingPart;
  status: Exclude<BillingStatus, 'healthy'>;
  because: string;
}

/** Events are projected within seconds; this old, somebody who paid waits for a licence. */
const SLOW_WEBHOOKS_SECONDS = 60;
/** This old, nobody works on them. */
const STALLED_WEBHOOKS_SECONDS = 300;
/** Beyond the first retries: what Stripe was to be told is stuck. */
const STUCK_INTENT_SECONDS = 900;
const STALLED_EFFECTS_SECONDS = 900;

/** Everything that is not well, the worst first, each with the rule it breaks. Nothing is well. */
export function judgeBilling({ circuit, knowsWebhookSecret, database }: BillingFacts): BillingReason[] {
  const reasons: BillingReason[] = [];
  const when = (wrong: boolean, part: BillingPart, status: BillingReason['status'], because: string) => {
    if (wrong) reasons.push({ part, status, because });
  };
  when(database === null, 'database', 'unhealthy', 'The database does not answer.');
  const isDeaf = circuit !== null && !knowsWebhookSecret;
  when(isDeaf, 'webhooks', 'unhealthy', 'STRIPE_WEBHOOK_SECRET is not set: no payment can be believed.');
  if (database !== null) {
    const { webhooks, intents, effects, comparison } = database;
    const age = Math.round(webhooks.oldestSeconds);
    const stalled = age >= STALLED_WEBHOOKS_SECONDS;
    when(stalled, 'webhooks', 'unhealthy', `Nobody works off the inbox: its oldest event has waited ${age} s.`);
    when(!stalled && age >= SLOW_WEBHOOKS_SECONDS, 'webhooks', 'degraded', `The inbox is ${age} s behind.`);
    when(webhooks.failed > 0, 'webhooks', 'degraded', `${webhooks.failed} events of Stripe were given up.`);
    const stuck = Math.round(intents.oldestSeconds);
    when(stuck >= STUCK_INTENT_SECONDS, 'intents', 'degraded', `Stripe could not be told something for ${stuck} s.`);
    const late = Math.round(effects.oldestSeconds);
    when(late >= STALLED_EFFECTS_SECONDS, 'effects', 'degraded', `A letter has waited ${late} s to leave.`);
    when(effects.dead > 0, 'effects', 'degraded', `${effects.dead} letters or questions were given up.`);
    when(comparison?.status === 'failed', 'comparison', 'degraded', 'The last comparison with Stripe did not end.');
    const left = comparison === null ? 0 : comparison.found - comparison.fixed;
    when(left > 0, 'comparison', 'degraded', `${left} objects differ from Stripe since the last comparison.`);
  }
  when(circuit === 'open', 'stripe', 'degraded', 'Stripe does not answer; calls to it are refused for a while.');
  when(circuit === 'half_open', 'stripe', 'degraded', 'Stripe did not answer and is being tried again.');
  return reasons;
}

/** The worst of them; of all parts, or of one. */
export function statusOf(reasons: readonly BillingReason[], part?: BillingPart): BillingStatus {
  const told = part === undefined ? reasons : reasons.filter((reason) => reason.part === part);
  if (told.some(({ status }) => status === 'unhealthy')) return 'unhealthy';
  return told.length > 0 ? 'degraded' : 'healthy';
}
