/** Whether a session may begin, and what it begins as. */

import {
  type Catalog,
  findProduct,
  LatchkeyError,
  type LicenseStatus,
  secondMs,
  type TimedUse,
  vanishesAt,
} from '@latchkey/core';
import type { Insertable, Selectable } from 'kysely';
import type { UsageSessionsTable } from '../../db/schema-prepaid.ts';
import type { MeteredAccount } from '../ledger/index.ts';

/** What a session is made of. */
interface NewSession {
  id: string;
  account: MeteredAccount;
  clientId: string | null;
  timed: TimedUse;
}

/** The row of a session that begins now. */
export function newSession({ id, account, clientId, timed }: NewSession, now: Date): Insertable<UsageSessionsTable> {
  const { owner, product, meter } = account.reference;
  const intervalMs = timed.intervalSeconds * secondMs;
  return {
    id,
    license_id: 'licenseId' in owner ? owner.licenseId : '',
    account_id: account.id,
    product,
    meter,
    client_id: clientId,
    interval_ms: intervalMs,
    exclusive: timed.parallelSessions === 'refuse',
    started_at: now,
    last_seen_at: now,
    charged_until: now,
    vanishes_at: new Date(vanishesAt({ lastSeenAt: now.getTime(), intervalMs })),
    ended_at: null,
    code: 'RUNNING',
    deductions: 0,
    used: 0,
  };
}

/** How use of the product is timed. Throws `invalid_request` where it is not, or not by this meter. */
export function timedUseOf(catalog: Catalog, product: string, meter: string | undefined): TimedUse {
  const timed = findProduct(catalog, product)?.timedUse ?? null;
  if (timed === null) {
    throw new LatchkeyError('invalid_request', `The product ${product} has no timed use.`, { path: 'meter' });
  }
  if (meter === undefined || meter === timed.meter) return timed;
  const detail = `Use of ${product} is timed by the meter ${timed.meter}, not by ${meter}.`;
  throw new LatchkeyError('invalid_request', detail, { path: 'meter' });
}

/** Whether a licence of this status may be used. */
export function isInForce(status: LicenseStatus): boolean {
  return status === 'active' || status === 'grace';
}

export function assertInForce(status: LicenseStatus): void {
  if (isInForce(status)) return;
  throw new LatchkeyError('license_state_conflict', `The licence is not in force: ${status}.`, { meta: { status } });
}

/** Throws `session_running` when what runs leaves no room for another. */
export function assertRoom(sessions: readonly Selectable<UsageSessionsTable>[], timed: TimedUse, most: number): void {
  const [first] = sessions;
  if (first === undefined) return;
  if (timed.parallelSessions === 'refuse') throw alreadyRunning(first.id);
  if (sessions.length < most) return;
  throw new LatchkeyError('session_running', `${most} sessions of this licence run already.`);
}

export function alreadyRunning(session: string | null): LatchkeyError {
  return new LatchkeyError('session_running', 'Another session of this licence is running. End it, or wait for it.', {
    meta: { session },
  });
}

export function nothingLeft({ meter }: MeteredAccount): LatchkeyError {
  return new LatchkeyError('insufficient_balance', `Nothing is left of ${meter.name}.`, { meta: { available: 0 } });
}
