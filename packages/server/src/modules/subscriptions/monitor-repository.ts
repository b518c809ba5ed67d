/** SQL of what is watched about subscriptions. */

import type { Standing } from '@latchkey/core';
import type { Connection } from '../../db/database.ts';

/** How many subscriptions stand where; a standing that none has is left out. */
export async function countStandings(connection: Connection): Promise<Partial<Record<Standing, number>>> {
  const rows = await connection
    .selectFrom('subscriptions')
    .select(({ fn }) => ['standing', fn.countAll<number>().as('subscriptions')])
    .groupBy('standing')
    .execute();
  return Object.fromEntries(rows.map(({ standing, subscriptions }) => [standing, Number(subscriptions)]));
}
