import { type Catalog, dayMs, parseMeterQuantity } from '@latchkey/core';
import { listOveragePrices } from '../catalog/overage-price-repository.ts';
import type { Database } from '../db/database.ts';
import { parseAccountId } from '../modules/ledger/index.ts';
import type { Clock } from '../ports.ts';
import type { StripeClient } from './client/index.ts';
import { mirror } from './mirror.ts';
import { listRows, type OverageRow, reopenRow } from './overage-repository.ts';

export interface OverageComparisonOptions {
  database: Database;
  catalog: Catalog;
  client: Pick<StripeClient, 'counted'>;
  clock: Clock;
}

/** Where what was told to Stripe and what Stripe says are not the same. */
export interface OverageDifference {
  /** Account, period and rate. */
  readonly id: string;
  /** `missing`: Stripe would not take it. `differs`: its meter counted something else. */
  readonly problem: 'missing' | 'differs';
  readonly fields: string[];
  readonly fixed: boolean;
}

export interface OverageComparison {
  /** What Stripe's meter counted for a row, in steps; null where nothing went to a meter. Asks Stripe. */
  counted(row: OverageRow): Promise<number | null>;
  /** Compares what is recent. With `fix`, what was refused or counted otherwise is looked at again by the next run. */
  compare(mode: 'report' | 'fix'): Promise<{ checked: number; differences: OverageDifference[] }>;
}

/** Stripe takes reports of this time; what is older does not change any more. */
const RECENT_MS = 35 * dayMs;
const PAGE = 200;

export function createOverageComparison({
  database,
  catalog,
  client,
  clock,
}: OverageComparisonOptions): OverageComparison {
  const { connection } = database;

  async function counted(row: OverageRow): Promise<number | null> {
    if (row.stripePriceId === null || row.reference === null) return null;
    const { product, meter: meterId } = parseAccountId(row.account);
    const meter = catalog.products.find(({ id }) => id === product)?.meters.find(({ id }) => id === meterId);
    const price = (await listOveragePrices(connection)).find((one) => one.stripePriceId === row.stripePriceId);
    const customer = (await mirror.subscription(connection, row.reference))?.customer;
    if (meter === undefined || price === undefined || customer === undefined) return null;
    const seconds = (at: Date) => Math.floor(at.getTime() / 1_000);
    const said = await client.counted(price.stripeMeterId, customer, seconds(row.windowStart), seconds(row.windowEnd));
    return parseMeterQuantity(said, meter);
  }

  async function differenceOf(row: OverageRow, mode: 'report' | 'fix'): Promise<OverageDifference | null> {
    if (row.report !== null) return null;
    const isRefused = row.refusedUnits !== null && row.refusedUnits === row.units;
    const said = await counted(row);
    const isOther = said !== null && said !== row.metered;
    if (!isRefused && !isOther) return null;
    if (mode === 'fix') {
      await database.transaction({ actor: { type: 'system', id: 'overage' } }, (transaction) =>
        reopenRow(transaction.connection, row),
      );
    }
    const id = `${row.account}/${row.windowStart.toISOString()}/${row.rate}`;
    const fields = [...(isRefused ? ['refused'] : []), ...(isOther ? ['metered'] : [])];
    return { id, problem: isRefused ? 'missing' : 'differs', fields, fixed: mode === 'fix' };
  }

  return {
    counted,
    async compare(mode) {
      const differences: OverageDifference[] = [];
      const since = clock.now().getTime() - RECENT_MS;
      let checked = 0;
      let after: OverageRow | null = null;
      for (;;) {
        const page: OverageRow[] = await listRows(connection, { since: new Date(since) }, after, PAGE);
        for (const row of page) {
          const difference = await differenceOf(row, mode);
          if (difference !== null) differences.push(difference);
        }
        checked += page.length;
        after = page.at(-1) ?? null;
        if (page.length < PAGE) return { checked, differences };
      }
    },
  };
}
