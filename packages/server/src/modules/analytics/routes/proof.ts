import { dayMs, hourMs, LatchkeyError, slotStart } from '@latchkey/core';
import { z } from 'zod';
import type { Database } from '../../../db/database.ts';
import type { Http } from '../../../http/types.ts';
import type { Clock } from '../../../ports.ts';
import { proveUse } from '../../usage/index.ts';

const instant = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);

/** Every event of the time is read. */
const MOST_DAYS = 62;

const answer = z.object({
  object: z.literal('usage_proof'),
  from: z.string().describe('Later than was asked for, where the events before it were dropped.'),
  to: z.string(),
  events_from: z
    .string()
    .nullable()
    .describe(
      'Events before it were dropped, and their hours can no longer be compared; null while all events are kept.',
    ),
  equal: z.boolean().describe('The sums of every hour are those of its events; after a repair.'),
  hours: z.number().describe('Hours of an account and a route that are kept.'),
  repaired: z.int().describe('Accounts of which hours were counted anew.'),
  discrepancies: z
    .array(
      z.object({
        account: z.string(),
        hour: z.string(),
        method: z.string(),
        route: z.string(),
        kept: z.number().nullable().describe('The quantity in steps; null where it was not kept.'),
        counted: z.number().nullable().describe('That of the events; null where there are none.'),
      }),
    )
    .describe('The first 500 that differed, before anything was repaired.'),
});

/** The figures of use, held against the events that they are made of. */
export function usageProofRoute(http: Http, { database, clock }: { database: Database; clock: Clock }): void {
  http.post(
    '/v1/analytics/usage/proof',
    {
      config: { access: 'admin', idempotency: false },
      schema: {
        tags: ['Analytics'],
        summary: 'Prove that the figures of use are those of the events',
        description:
          'Compares both at one moment, while use goes on being recorded. With `repair` the hours of accounts that differ are counted anew.',
        body: z.object({
          from: instant,
          to: instant.optional().describe('Now, unless said.'),
          repair: z.boolean().default(false),
        }),
        response: { 200: answer },
      },
    },
    async ({ body, principal }) => {
      const from = slotStart(new Date(body.from), 'hour');
      const end = body.to === undefined ? clock.now() : new Date(body.to);
      const to = new Date(Math.ceil(end.getTime() / hourMs) * hourMs);
      if (from >= to || to.getTime() - from.getTime() > MOST_DAYS * dayMs) {
        throw new LatchkeyError('invalid_request', `\`to\` must be after \`from\`, and ${MOST_DAYS} days at most.`, {
          path: 'to',
        });
      }
      const actor = { type: principal.type, id: principal.id };
      const proof = await proveUse(database, { from, to }, { repair: body.repair, actor });
      const { span, eventsFrom, discrepancies, ...rest } = proof;
      return {
        object: 'usage_proof' as const,
        from: span.from.toISOString(),
        to: span.to.toISOString(),
        events_from: eventsFrom?.toISOString() ?? null,
        ...rest,
        discrepancies: discrepancies.map(({ hour, ...one }) => ({ ...one, hour: hour.toISOString() })),
      };
    },
  );
}
