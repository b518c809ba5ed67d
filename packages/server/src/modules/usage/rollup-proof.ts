import type { Actor, Database } from '../../db/database.ts';
import { compareHours, countHours, type Discrepancy, lockAccounts, rewriteHours } from './rollup-repository.ts';

export interface ProofOfUse {
  /** The sums of every hour are those of its events, now. */
  equal: boolean;
  /** Hours of an account and a route that are kept of the span. */
  hours: number;
  /** The first of those that differed, before any was mended. */
  discrepancies: Discrepancy[];
  /** Accounts of which hours were counted anew. */
  repaired: number;
}

export interface SpanOfHours {
  from: Date;
  to: Date;
}

/** Differences that one look names. */
const MOST_DISCREPANCIES = 500;

/**
 * Compares the hours from `from` to before `to` with the events themselves. With `repair`, the hours of accounts that differ are counted
 * anew, while nobody records use of them, and everything is compared once more. Both must begin an hour.
 */
export async function proveUse(
  database: Database,
  span: SpanOfHours,
  { repair, actor }: { repair: boolean; actor: Actor },
): Promise<ProofOfUse> {
  const look = () => compareHours(database.connection, { ...span, limit: MOST_DISCREPANCIES });
  const discrepancies = await look();
  const accounts = [...new Set(discrepancies.map(({ account }) => account))].sort();
  let left = discrepancies;
  if (repair && accounts.length > 0) {
    await database.transaction({ actor }, async ({ connection }) => {
      await lockAccounts(connection, accounts);
      await rewriteHours(connection, { ...span, accounts });
    });
    left = await look();
  }
  const hours = await countHours(database.connection, span);
  return { equal: left.length === 0, hours, discrepancies, repaired: repair ? accounts.length : 0 };
}
