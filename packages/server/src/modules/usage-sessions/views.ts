import { formatMeterQuantity, MICROSECONDS_PER_SECOND, type SessionCode, secondMs } from '@latchkey/core';
import type { z } from 'zod';
import type { sessionAnswer } from './schemas.ts';
import type { UsageSession } from './service.ts';

const DETAILS: Readonly<Record<SessionCode, string>> = {
  RUNNING: 'The session is running.',
  ENDED: 'The client ended the session.',
  VANISHED: 'Nothing was heard of the client for three intervals; the session ended at its last heartbeat.',
  NO_CREDIT: 'Nothing is left of what was bought. Add to it and begin another session.',
  LICENSE_NOT_VALID: 'The licence is no longer in force; the session ended at its last heartbeat.',
};

/** A session as it is answered. */
export function usageSessionView({ session, account, available }: UsageSession): z.infer<typeof sessionAnswer> {
  const { code, ended_at: endedAt, interval_ms: intervalMs } = session;
  const units = (steps: number) => Number(formatMeterQuantity(steps, account.meter));
  const isRunning = endedAt === null;
  return {
    id: session.id,
    object: 'usage_session',
    status: isRunning ? 'running' : 'ended',
    code,
    detail: DETAILS[code],
    session_id: session.client_id,
    license_id: session.license_id,
    product: session.product,
    meter: session.meter,
    unit: account.meter.unit,
    started_at: session.started_at.toISOString(),
    last_seen_at: session.last_seen_at.toISOString(),
    ended_at: endedAt?.toISOString() ?? null,
    vanishes_at: isRunning ? session.vanishes_at.toISOString() : null,
    interval_seconds: intervalMs / secondMs,
    heartbeat_seconds: isRunning ? heartbeatSeconds(session, available) : null,
    deductions: session.deductions,
    used: units(session.used),
    used_seconds: session.used / MICROSECONDS_PER_SECOND,
    remaining: units(available),
    remaining_seconds: available / MICROSECONDS_PER_SECOND,
  };
}

/** Once every interval; sooner where less is left, so that a session does not go on for long when nothing is. */
function heartbeatSeconds(session: UsageSession['session'], available: number): number {
  const owedMs = session.last_seen_at.getTime() - session.charged_until.getTime();
  const left = Math.ceil(available / MICROSECONDS_PER_SECOND - owedMs / secondMs);
  return Math.max(1, Math.min(session.interval_ms / secondMs, left));
}
