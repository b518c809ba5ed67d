/** The SQL that counts licences by what they are of and how they stand. */

import type { Catalog, LicenseStatus } from '@latchkey/core';
import { sql } from 'kysely';
import type { Connection } from '../../db/database.ts';
import { statusExpression } from './status-repository.ts';

export interface LicenseCount {
  product: string;
  plan: string;
  status: LicenseStatus;
  licenses: number;
  /** Of those, the ones that end by themselves within so many days, in the order of `days`. */
  ending: number[];
}

/** How many licences of each product and plan have each status at `now`, and how many of those end soon unless somebody renews them. */
export async function licenseCensus(
  connection: Connection,
  { catalog, now, days }: { catalog: Catalog; now: Date; days: readonly number[] },
): Promise<LicenseCount[]> {
  // What a subscription extends by itself does not end by itself.
  const ending = days.map(
    (count) => sql`count(*) FILTER (WHERE coverage = 'term' AND expires_at > ${now}::timestamptz
      AND expires_at <= ${now}::timestamptz + make_interval(days => ${count}))::int`,
  );
  return connection
    .selectFrom('licenses')
    .select([
      'product',
      'plan',
      statusExpression(catalog, now).as('status'),
      sql<number>`count(*)::float8`.as('licenses'),
      sql<number[]>`ARRAY[${sql.join(ending)}]`.as('ending'),
    ])
    .groupBy(['product', 'plan', 'status'])
    .orderBy('product')
    .orderBy('plan')
    .orderBy('status')
    .execute();
}
