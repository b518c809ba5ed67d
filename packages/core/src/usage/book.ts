/** Decides on requests of use, one after another, over accounts whose balances are at hand. */

import type { OpenLedger } from '../ledger/apply.ts';
import { OWN_KEY_PREFIX } from '../ledger/settle.ts';
import { type AccountDraft, beginAccount, crossings, openWindow } from './account-draft.ts';
import { answer, mustApply, type UsageBatch } from './batch.ts';
import { correctUse } from './correction.ts';
import { askForUse, finalizeUse, holdUse, releaseUse } from './reservation.ts';
import type {
  CountedEvent,
  UsageAccount,
  UsageChanges,
  UsageLook,
  UsageOutcome,
  UsageRequest,
  UsageStanding,
} from './types.ts';
import { recordUse } from './use.ts';

/** How late an event may be. */
export const LATEST_EVENT_DAYS = 35;

export interface UsageBookOptions {
  readonly ledger: OpenLedger;
  /** Names the operation in which each account's uses of this batch are taken from its balance. */
  readonly batch: string;
  readonly now: number;
  readonly accounts: ReadonlyMap<string, UsageAccount>;
  /** Events that were counted before, by `eventKey`. */
  readonly counted: ReadonlyMap<string, CountedEvent>;
}

/** A batch of requests while it is decided. */
export interface UsageBook {
  decide(request: UsageRequest): UsageOutcome;
  /** Where an account stands in its current window. */
  look(standing: UsageStanding): UsageLook;
  /** Takes from the balances what was decided, and says what is to be written. */
  finish(): UsageChanges;
}

/**
 * Opens a batch. The ledger must come with the accounts of all requests: they are settled at `now`, granted what their windows include,
 * and asked for each account's uses in one operation at the end. Half the requests in one batch and half in the next come to the same.
 */
export function openUsage({ ledger, batch: id, now, accounts, counted }: UsageBookOptions): UsageBook {
  const drafts = new Map<string, AccountDraft>();
  const batch: UsageBatch = {
    now,
    ledger,
    operation: `${OWN_KEY_PREFIX}usage/${id}`,
    events: [],
    aliases: [],
    fresh: new Map(),
    counted,
    reversed: new Map(),
    reservations: new Map(),
  };
  const draftOf = (account: string): AccountDraft => {
    const known = accounts.get(account);
    if (known === undefined) throw new RangeError(`the account ${account} was not read`);
    const draft = drafts.get(account) ?? beginAccount(account, known, ledger, now);
    drafts.set(account, draft);
    return draft;
  };
  return {
    decide: (request) => decideOne(batch, draftOf(request.account), request),
    look(standing) {
      const draft = draftOf(standing.account);
      const window = openWindow(draft, standing, now, ledger);
      const overages = [...draft.overages.values()].filter(({ windowStart }) => windowStart === window.startsAt);
      const { remaining } = answer(draft, window, standing, { code: 'VALID', quantity: 0 });
      return { window, remaining, overages, reserved: draft.beyond.get(window.startsAt) ?? 0 };
    },
    finish() {
      const all = [...drafts.values()];
      for (const draft of all) takePending(batch, draft);
      const crossed = all.flatMap(crossings);
      return {
        events: batch.events,
        aliases: batch.aliases,
        reversed: batch.reversed,
        windows: all.flatMap(({ windows, touched }) => [...touched.windows].flatMap((key) => windows.get(key) ?? [])),
        overages: all.flatMap(({ overages, touched }) =>
          [...touched.overages].flatMap((key) => overages.get(key) ?? []),
        ),
        reservations: [...batch.reservations.values()],
        crossings: crossed,
      };
    },
  };
}

function decideOne(batch: UsageBatch, draft: AccountDraft, request: UsageRequest): UsageOutcome {
  switch (request.type) {
    case 'use':
      return recordUse(batch, draft, request);
    case 'ask':
      return askForUse(batch, draft, request);
    case 'hold':
      return holdUse(batch, draft, request);
    case 'finalize':
      return finalizeUse(batch, draft, request);
    case 'release':
      return releaseUse(batch, draft, request);
    case 'correct':
      return correctUse(batch, draft, request);
  }
}

function takePending(batch: UsageBatch, draft: AccountDraft): void {
  if (draft.pending === 0) return;
  const take = { account: draft.id, key: batch.operation, amount: draft.pending, at: batch.now, reason: null };
  mustApply(batch, { type: 'consume', ...take });
  draft.pending = 0;
}
