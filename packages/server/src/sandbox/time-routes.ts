import { z } from 'zod';
import type { Http } from '../http/types.ts';
import type { Clock } from '../ports.ts';
import type { TimeMachine } from './time-machine.ts';

const TAGS = ['Sandbox'];
const LONGEST_DAYS = 3_660;

const span = z
  .object({
    days: z.number().min(0).max(LONGEST_DAYS).optional(),
    hours: z
      .number()
      .min(0)
      .max(LONGEST_DAYS * 24)
      .optional(),
    minutes: z
      .number()
      .min(0)
      .max(LONGEST_DAYS * 1_440)
      .optional(),
    seconds: z
      .number()
      .min(0)
      .max(LONGEST_DAYS * 86_400)
      .optional(),
  })
  .refine((value) => Object.values(value).some((part) => part !== undefined && part > 0), 'name how far to move');

/** The clock that can be moved: sandbox mode only. */
export function timeRoutes(http: Http, { clock, timeMachine }: { clock: Clock; timeMachine: TimeMachine }): void {
  http.get(
    '/sandbox/time',
    {
      config: { access: 'admin' },
      schema: {
        tags: TAGS,
        summary: 'What time it is in the sandbox',
        response: { 200: z.object({ now: z.string() }) },
      },
    },
    async () => ({ now: clock.now().toISOString() }),
  );

  http.post(
    '/sandbox/time/advance',
    {
      config: { access: 'admin', idempotency: false },
      schema: {
        tags: TAGS,
        summary: 'Move time on',
        description:
          'Goes step by step through everything that falls due, here and at the local Stripe, and answers when all of it has been carried out.',
        body: span,
        response: { 200: z.object({ now: z.string(), settled: z.literal(true) }) },
      },
    },
    async ({ body }) => {
      const { now, settled } = await timeMachine.advance(body);
      return { now: now.toISOString(), settled };
    },
  );
}
