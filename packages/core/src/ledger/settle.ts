/** What time alone does to an account. */

import { compareLots } from './burn.ts';
import { beginDraft, type Draft, finishDraft, move } from './draft.ts';
import type { LedgerAccount, Transfer } from './types.ts';

/** Keys of what happens by itself begin with this, and no caller's may. */
export const OWN_KEY_PREFIX = '~';

/** Gives back what was reserved for too long, then writes off what was not used in time. */
export function settle(draft: Draft, at: number): void {
  const late = [...draft.reservations.values()]
    .filter(({ status, expiresAt }) => status === 'live' && expiresAt <= at)
    .sort((one, other) => one.expiresAt - other.expiresAt || (one.id < other.id ? -1 : 1));
  for (const reservation of late) {
    move(draft, {
      key: `${OWN_KEY_PREFIX}late/${reservation.id}`,
      kind: 'reservation_expired',
      from: 'reserved',
      to: 'available',
      parts: reservation.parts,
      at,
      subject: reservation.id,
    });
    draft.reservations.set(reservation.id, { ...reservation, status: 'expired' });
  }
  writeOff(draft, at);
}

/** Writes off what is left of lots that have ended. */
export function writeOff(draft: Draft, at: number): void {
  const ended = [...draft.lots.values()]
    .filter(({ remaining, expiresAt }) => remaining > 0 && expiresAt !== null && expiresAt <= at)
    .sort(compareLots);
  for (const lot of ended) {
    move(draft, {
      // A lot can end twice, where something reserved comes back to it: what it lost before tells the times apart.
      key: `${OWN_KEY_PREFIX}ended/${lot.expired}/${lot.id}`,
      kind: 'lot_expired',
      from: 'available',
      to: 'expired',
      parts: [{ lot: lot.id, amount: lot.remaining }],
      at,
      subject: lot.id,
    });
  }
}

/** The account as it stands at an instant, whether or not anything has happened on it since. */
export function accountAt(account: LedgerAccount, at: number): LedgerAccount {
  return finishDraft(settled(account, at));
}

/** What time alone has brought by an instant and no operation has written down yet: the next one will. */
export function pendingAt(account: LedgerAccount, at: number): readonly Transfer[] {
  return settled(account, at).made;
}

function settled(account: LedgerAccount, at: number): Draft {
  const draft = beginDraft(account);
  settle(draft, at);
  return draft;
}
