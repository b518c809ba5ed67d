/** Use of one account: what is asked, what is known, and what it comes to. Quantities are steps of the meter, instants milliseconds. */

import type { Meter, UnitPrice } from '../catalog/types.ts';
import type { AdmissionCode, UsageParts, UsageReason } from './admit.ts';
import type { AllowanceOverride, UsageLimit, UsageTerms } from './terms.ts';
import type { PeriodAnchor, UsagePeriod } from './window.ts';

/** A billing period of an account that was used, and what its events came to. */
export interface UsageWindow extends UsagePeriod, UsageParts {
  readonly account: string;
  readonly subscription: string | null;
  readonly plan: string | null;
  readonly limit: UsageLimit;
  /** What the best of the period's plans includes; -1 is without limit. */
  readonly included: number;
  readonly ceiling: number | null;
  readonly events: number;
  /** The sum of quantities, their number, the greatest or the last of them. */
  readonly recorded: number;
  /** As much of `covered` as late events took of the included amount when the period was over. */
  readonly lapsed: number;
  readonly lastAt: number | null;
  /** The highest threshold that was crossed, in percent; 0 is none. */
  readonly warned: number;
  readonly createdAt: number;
}

/** What of a window is billed at one rate. */
export interface UsageOverage {
  readonly account: string;
  readonly windowStart: number;
  readonly windowEnd: number;
  readonly rate: string;
  readonly subscription: string | null;
  readonly plan: string;
  readonly price: UnitPrice;
  readonly units: number;
}

/** An event as it is kept. A correction has a negative quantity and names what it reverses. */
export interface UsageEvent extends UsageParts {
  readonly id: string;
  readonly account: string;
  readonly at: number;
  readonly receivedAt: number;
  readonly quantity: number;
  readonly lapsed: number;
  readonly rate: string | null;
  /** The operation of the ledger that took what is covered; null where no balance was touched. */
  readonly operation: string | null;
  readonly reverses: string | null;
  readonly details: UsageDetails;
}

/** What the caller tells of an event besides its quantity. */
export interface UsageDetails {
  readonly method: string | null;
  readonly route: string | null;
  readonly durationMs: number | null;
  readonly status: number | null;
  readonly properties: Readonly<Record<string, unknown>> | null;
}

export interface UsageReservation extends UsageParts {
  readonly id: string;
  readonly account: string;
  readonly windowStart: number;
  readonly quantity: number;
  /** As much of `covered` as the ledger holds back. */
  readonly held: number;
  readonly rate: string | null;
  readonly status: 'live' | 'finalized' | 'released';
  readonly eventId: string | null;
  readonly used: number | null;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** An event's id that was counted. */
export interface CountedEvent {
  readonly at: number;
  readonly quantity: number;
  readonly reversed: number;
}

/** Whose meter it is, and on what terms, as the request found it. */
export interface UsageStanding {
  readonly account: string;
  readonly meter: Meter;
  readonly terms: UsageTerms;
  /** What another plan of the product charges beyond it: for late use of a period in which that plan held. */
  readonly rateOf?: (plan: string) => UnitPrice | null;
}

/** What is known of an account, apart from its balance. */
export interface UsageAccount {
  readonly anchor: PeriodAnchor;
  readonly subscription: string | null;
  readonly override: AllowanceOverride | undefined;
  readonly windows: readonly UsageWindow[];
  readonly overages: readonly UsageOverage[];
  /** What live reservations hold beyond what is included, by the start of their window. */
  readonly beyond: ReadonlyMap<number, number>;
  /** What ran out of lots that are no longer in the account as it was read, by the start of their period and the lot's id. */
  readonly lapsedLots: ReadonlyMap<number, ReadonlyMap<string, number>>;
}

export interface UseRequest extends UsageStanding {
  readonly type: 'use';
  readonly id: string;
  /** Another account under which the id is known: an event is counted once for both. */
  readonly alias?: string;
  readonly at: number;
  readonly quantity: number;
  readonly enforce: boolean;
  readonly details: UsageDetails;
}

/** Whether so much could be used now; nothing is kept. */
export interface AskRequest extends UsageStanding {
  readonly type: 'ask';
  readonly quantity: number;
}

export interface HoldRequest extends UsageStanding {
  readonly type: 'hold';
  readonly reservation: string;
  readonly quantity: number;
  readonly expiresAt: number;
}

export interface FinalizeRequest extends UsageStanding {
  readonly type: 'finalize';
  readonly reservation: UsageReservation;
  readonly id: string;
  readonly quantity: number | undefined;
  readonly details: UsageDetails;
}

export interface ReleaseRequest extends UsageStanding {
  readonly type: 'release';
  readonly reservation: UsageReservation;
}

export interface CorrectRequest extends UsageStanding {
  readonly type: 'correct';
  readonly id: string;
  readonly event: UsageEvent;
  /** Left out: all that is left of it. */
  readonly quantity: number | undefined;
}

export type UsageRequest = UseRequest | AskRequest | HoldRequest | FinalizeRequest | ReleaseRequest | CorrectRequest;

export type UsageCode =
  | AdmissionCode
  /** It was done before, in the same way. */
  | 'exists'
  | 'exists_with_different_quantity'
  | 'too_large'
  | 'reservation_closed'
  | 'exceeds_reservation'
  | 'exceeds_use'
  | 'not_correctable';

/** What became of a request. Whatever is not `done` changed nothing now. */
export interface UsageOutcome {
  readonly code: UsageCode;
  readonly done: boolean;
  readonly quantity: number;
  /** What may still be used; -1 is without limit. */
  readonly remaining: number;
  readonly limit: number;
  /** When the period ends, where it includes something. */
  readonly resetsAt: number | null;
  readonly because: readonly UsageReason[];
}

/** Where an account stands in its current window. */
export interface UsageLook {
  readonly window: UsageWindow;
  /** -1 is without limit. */
  readonly remaining: number;
  readonly overages: readonly UsageOverage[];
  /** What live reservations hold beyond what is included. */
  readonly reserved: number;
}

/** A threshold that was crossed. */
export interface UsageCrossing {
  readonly window: UsageWindow;
  readonly percent: number;
}

/** Another key under which an event is known. */
export interface UsageAlias extends Pick<UsageEvent, 'at' | 'quantity'> {
  readonly key: string;
}

/** What is to be written. */
export interface UsageChanges {
  readonly events: readonly UsageEvent[];
  readonly aliases: readonly UsageAlias[];
  /** What corrections took back, by the key of the event. */
  readonly reversed: ReadonlyMap<string, number>;
  readonly windows: readonly UsageWindow[];
  readonly overages: readonly UsageOverage[];
  readonly reservations: readonly UsageReservation[];
  readonly crossings: readonly UsageCrossing[];
}
