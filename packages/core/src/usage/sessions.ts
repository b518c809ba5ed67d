/**
 * Timed use: a session deducts from a time meter while it lives. Instants are milliseconds in domain time, amounts whole microseconds.
 *
 * What a session owes follows from its heartbeats alone: an interval is deducted once something shows that the session lived past it.
 * So it does not matter when, or whether, somebody looks in between; a session that is silent for too long ended at its last sign of
 * life, whoever notices first.
 */

/** What became of a session. All but `RUNNING` are ends. */
export const SESSION_CODES = ['RUNNING', 'ENDED', 'VANISHED', 'NO_CREDIT', 'LICENSE_NOT_VALID'] as const;

export type SessionCode = (typeof SESSION_CODES)[number];

/** A running session, as far as it decides what is due. */
export interface RunningSession {
  readonly id: string;
  readonly startedAt: number;
  /** The last sign of life. */
  readonly lastSeenAt: number;
  /** How often use is deducted. */
  readonly intervalMs: number;
  /** Up to where use has been deducted. */
  readonly chargedUntil: number;
  /** How many deductions there were. */
  readonly deductions: number;
}

/**
 * Why a session is looked at: it gives a sign of life, its client ends it, nobody knows (`look`), or its licence no longer allows it.
 */
export type SessionTouch = 'heartbeat' | 'end' | 'look' | 'license_lost';

/** One deduction: the time from one instant to another. */
export interface SessionDeduction {
  /** The ledger's operation: once for each session and number. */
  readonly key: string;
  readonly from: number;
  readonly amount: number;
}

/** What a touch calls for, before it is known how much of it could be deducted. */
export interface SessionPlan {
  readonly seenAt: number;
  readonly deductions: readonly SessionDeduction[];
  readonly end: { readonly at: number; readonly code: SessionCode } | null;
}

/** Where a session stands after its deductions. */
export interface SessionOutcome {
  readonly lastSeenAt: number;
  readonly chargedUntil: number;
  readonly deductions: number;
  /** What these deductions took, in microseconds. */
  readonly taken: number;
  readonly end: SessionPlan['end'];
}

/** Intervals without a heartbeat after which a session's client has vanished. */
export const SILENT_INTERVALS = 3;

const MICROSECONDS_PER_MILLISECOND = 1_000;

/** From this instant on, a session that was last seen then has vanished. */
export function vanishesAt({ lastSeenAt, intervalMs }: Pick<RunningSession, 'lastSeenAt' | 'intervalMs'>): number {
  return lastSeenAt + SILENT_INTERVALS * intervalMs;
}

/**
 * The deductions that are due when a session is touched, and whether it ends; null when the touch changes nothing. `available` is the
 * balance of its licence.
 */
export function planTouch(
  session: RunningSession,
  touch: SessionTouch,
  { now, available }: { now: number; available: number },
): SessionPlan | null {
  const { lastSeenAt } = session;
  if (now >= vanishesAt(session)) return ended(session, lastSeenAt, 'VANISHED');
  // A clock may be behind another process's; time does not run back within a session.
  const seenAt = Math.max(now, lastSeenAt);
  switch (touch) {
    case 'look':
      return null;
    case 'license_lost':
      return ended(session, lastSeenAt, 'LICENSE_NOT_VALID');
    case 'end':
      return ended(session, seenAt, 'ENDED');
    case 'heartbeat': {
      const owed = (seenAt - session.chargedUntil) * MICROSECONDS_PER_MILLISECOND;
      // What is used is never more than there is: the rest is deducted at once, and the balance says whether it goes on.
      const until = owed >= available ? seenAt : lastBoundary(session, seenAt);
      return { seenAt, deductions: deductionsUntil(session, until), end: null };
    }
  }
}

/** Where the session stands, once the ledger has said how much of each deduction it took and what it has left. */
export function concludeTouch(
  session: RunningSession,
  { seenAt, deductions, end }: SessionPlan,
  { taken, available }: { taken: readonly number[]; available: number },
): SessionOutcome {
  let { chargedUntil } = session;
  let total = 0;
  let made = session.deductions;
  for (const [index, { from, amount }] of deductions.entries()) {
    const part = taken[index] ?? 0;
    total += part;
    if (part > 0) made += 1;
    chargedUntil = from + Math.ceil(part / MICROSECONDS_PER_MILLISECOND);
    if (part < amount) {
      const at = chargedUntil;
      return { lastSeenAt: seenAt, chargedUntil, deductions: made, taken: total, end: { at, code: 'NO_CREDIT' } };
    }
  }
  const spent = available === 0 ? { at: seenAt, code: 'NO_CREDIT' as const } : null;
  return { lastSeenAt: seenAt, chargedUntil, deductions: made, taken: total, end: end ?? spent };
}

function ended(session: RunningSession, at: number, code: SessionCode): SessionPlan {
  return { seenAt: at, deductions: deductionsUntil(session, at), end: { at, code } };
}

/** The end of the last whole interval that a session lived to see. */
function lastBoundary({ startedAt, intervalMs, chargedUntil }: RunningSession, at: number): number {
  const boundary = startedAt + Math.floor((at - startedAt) / intervalMs) * intervalMs;
  return Math.max(boundary, chargedUntil);
}

/** One deduction up to the end of each interval, and one for what is left of the last. */
function deductionsUntil(session: RunningSession, until: number): SessionDeduction[] {
  const { id, startedAt, intervalMs } = session;
  const all: SessionDeduction[] = [];
  let from = session.chargedUntil;
  while (from < until) {
    const boundary = startedAt + (Math.floor((from - startedAt) / intervalMs) + 1) * intervalMs;
    const to = Math.min(boundary, until);
    const number = session.deductions + all.length + 1;
    all.push({ key: `session/${id}/${number}`, from, amount: (to - from) * MICROSECONDS_PER_MILLISECOND });
    from = to;
  }
  return all;
}
