/** The tables of what is bought in advance and used by the clock: a part of `schema.ts`. */

import type { ColumnType, Generated } from 'kysely';

type BigInteger = ColumnType<number, number | undefined, number>;

export interface UsageSessionsTable {
  id: string;
  license_id: string;
  account_id: string;
  product: string;
  meter: string;
  client_id: string | null;
  interval_ms: BigInteger;
  exclusive: boolean;
  started_at: Date;
  last_seen_at: Date;
  charged_until: Date;
  vanishes_at: Date;
  ended_at: Date | null;
  code: 'RUNNING' | 'ENDED' | 'VANISHED' | 'NO_CREDIT' | 'LICENSE_NOT_VALID';
  deductions: number;
  used: BigInteger;
}

export interface CheckoutCreditsTable {
  checkout_id: string;
  license_id: string | null;
  meter: string;
  pack: string | null;
  quantity: BigInteger;
  amount_cents: BigInteger;
  currency: string;
  granted_at: Date | null;
  withheld: BigInteger;
  taken: BigInteger;
  takings: Generated<number>;
  givings: Generated<number>;
}
