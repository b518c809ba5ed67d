import { LatchkeyError } from '@latchkey/core';
import { z } from 'zod';

const clockAnswer = z.object({
  now: z.string(),
  next_due_at: z.string().nullable(),
  pending_deliveries: z.number(),
  held_deliveries: z.number(),
});

/** The local Stripe's clock and deliveries, as its control API tells them. */
export interface SandboxControl {
  clock(): Promise<{ now: Date; nextDueAt: Date | null; pendingDeliveries: number }>;
  /** Moves its clock, carrying out what falls due on the way. An instant that it has passed by itself meanwhile is as good. */
  moveTo(instant: Date): Promise<void>;
  /** Waits until every webhook that is due was tried and answered. Those held or dropped on purpose count as settled. */
  settle(): Promise<void>;
}

/** Moving a year of billing in one step takes a while; nothing here takes longer. */
const TIMEOUT_MS = 60_000;

/** Speaks to a local Stripe's `/_sandbox`. */
export function createSandboxControl({ url, adminToken }: { url: string; adminToken: string }): SandboxControl {
  async function call(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${url}/_sandbox${path}`, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer: unknown = await response.json();
    if (!response.ok) {
      throw new LatchkeyError('unavailable', `The local Stripe answered ${response.status} to ${path}.`, {
        meta: { answer },
      });
    }
    return answer;
  }

  const clock: SandboxControl['clock'] = async () => {
    const { now, next_due_at, pending_deliveries } = clockAnswer.parse(await call('GET', '/clock'));
    const nextDueAt = next_due_at === null ? null : new Date(next_due_at);
    return { now: new Date(now), nextDueAt, pendingDeliveries: pending_deliveries };
  };

  return {
    clock,
    async moveTo(instant) {
      try {
        await call('POST', '/clock', { to: instant.toISOString() });
      } catch (error) {
        // Its clock goes on between being read and being moved.
        if ((await clock()).now < instant) throw error;
      }
    },
    async settle() {
      await call('POST', '/webhooks/settle', { timeout_ms: 30_000 });
    },
  };
}
