/** The tables of what use comes to, by period and by hour, and of what is billed of it: a part of `schema.ts`. */

import type { ColumnType, Generated } from 'kysely';

type BigInteger = ColumnType<number, number | undefined, number>;
type Json<T> = ColumnType<T, string, string>;

export interface UsageWindowsTable {
  account_id: string;
  starts_at: Date;
  ends_at: Date;
  subscription_id: string | null;
  plan: string | null;
  limit_kind: 'hard' | 'overage' | 'soft' | 'prepaid';
  included: BigInteger;
  ceiling: number | null;
  events: BigInteger;
  recorded: BigInteger;
  covered: BigInteger;
  overage: BigInteger;
  uncovered: BigInteger;
  lapsed: BigInteger;
  last_at: Date | null;
  warned: Generated<number>;
  created_at: Date;
  updated_at: Date;
}

export interface UsageOverageTable {
  account_id: string;
  window_start: Date;
  rate: string;
  window_end: Date;
  subscription_id: string | null;
  plan: string;
  amount_cents: BigInteger;
  per_units: BigInteger;
  currency: string;
  units: BigInteger;
  reported: BigInteger;
  metered: BigInteger;
  itemized_cents: BigInteger;
  billed_units: number | null;
  billed_cents: number | null;
  report: string | null;
  reports: Generated<number>;
  reported_at: Date | null;
  settled_at: Date | null;
  outcome: 'billed' | 'waived' | null;
  refusal: string | null;
  refused_units: number | null;
  stripe_price_id: string | null;
  created_at: Date;
  updated_at: Date;
}

export interface UsageAllowancesTable {
  account_id: string;
  included: number | null;
  limit_kind: 'hard' | 'overage' | 'soft' | null;
  ceiling: number | null;
  updated_at: Date;
}

export interface UsageReservationsTable {
  id: string;
  account_id: string;
  window_start: Date;
  quantity: BigInteger;
  held: BigInteger;
  overage: BigInteger;
  uncovered: BigInteger;
  rate: string | null;
  status: 'live' | 'finalized' | 'released';
  event_id: string | null;
  used: number | null;
  created_at: Date;
  expires_at: Date;
}

export interface UsageHoursTable {
  account_id: string;
  hour: Date;
  method: string;
  route: string;
  events: BigInteger;
  failed: BigInteger;
  quantity: BigInteger;
  covered: BigInteger;
  overage: BigInteger;
  uncovered: BigInteger;
  peak: BigInteger;
  last_quantity: BigInteger;
  last_at: Date | null;
  duration_ms: BigInteger;
  durations: Json<Record<string, number>>;
  recent: Generated<number[]>;
}
