import { z } from 'zod';
import { decodeCursor, type Http, pageOf, pageQuery, toPage } from '../http/index.ts';
import type { Inbox, InboxEntry } from './inbox.ts';

const config = { access: 'admin' } as const;
const tags = ['Inbox'];
const params = z.object({ id: z.string().min(1).max(255).describe('Ours (`inb_…`) or Stripe’s (`evt_…`).') });
const status = z.enum(['pending', 'processed', 'ignored', 'failed']);

const entryAnswer = z.object({
  id: z.string(),
  object: z.literal('inbox_event'),
  event_id: z.string().describe('Stripe’s id.'),
  type: z.string(),
  api_version: z.string().nullable(),
  created_at: z.string().describe('When it happened at Stripe.'),
  received_at: z.string(),
  path: z.string().describe('Where it was delivered.'),
  status,
  reason: z.string().nullable().describe('Why it was ignored, or what went wrong the last time.'),
  attempts: z.int(),
  next_attempt_at: z.string().nullable(),
  finished_at: z.string().nullable(),
});

/** What the operator sees of Stripe's webhooks: all that came, what became of each, and a way to have one worked on again. */
export function registerInboxRoutes(http: Http, { inbox }: { inbox: Inbox }): void {
  http.get(
    '/v1/inbox',
    {
      config,
      schema: {
        tags,
        summary: 'List the events Stripe delivered',
        description: 'The newest first. Nothing that was delivered and signed is ever missing here.',
        querystring: pageQuery.extend({ status: status.optional(), type: z.string().max(255).optional() }),
        response: { 200: pageOf(entryAnswer) },
      },
    },
    async ({ query }) => {
      const rows = await inbox.list(
        { status: query.status, type: query.type },
        decodeCursor(query.after),
        query.limit + 1,
      );
      return toPage(rows, query.limit, (row) => ({ at: row.receivedAt, id: row.id }), entryView);
    },
  );

  http.get(
    '/v1/inbox/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Read an event with its payload',
        params,
        response: { 200: entryAnswer.extend({ payload: z.unknown() }) },
      },
    },
    async (request) => {
      const { payload, ...entry } = await inbox.get(request.params.id);
      return { ...entryView(entry), payload };
    },
  );

  http.post(
    '/v1/inbox/:id/replay',
    {
      config,
      schema: {
        tags,
        summary: 'Have an event worked on again',
        description: 'Harmless for one that was processed: what is known to be newer stays.',
        params,
        response: { 202: entryAnswer },
      },
    },
    async (request, reply) => {
      const entry = await request.write((transaction) => inbox.replay(transaction, request.params.id));
      return reply.code(202).send(entryView(entry));
    },
  );
}

function entryView(entry: InboxEntry): z.infer<typeof entryAnswer> {
  return {
    id: entry.id,
    object: 'inbox_event',
    event_id: entry.eventId,
    type: entry.type,
    api_version: entry.apiVersion,
    created_at: entry.stripeCreated.toISOString(),
    received_at: entry.receivedAt.toISOString(),
    path: entry.path,
    status: entry.status,
    reason: entry.reason,
    attempts: entry.attempts,
    next_attempt_at: entry.nextAttemptAt?.toISOString() ?? null,
    finished_at: entry.finishedAt?.toISOString() ?? null,
  };
}
