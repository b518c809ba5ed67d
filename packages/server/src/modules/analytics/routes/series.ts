import type { Catalog, Trend } from '@latchkey/core';
import type { z } from 'zod';
import type { Database } from '../../../db/database.ts';
import { csvTable, sendCsv, wantsCsv } from '../../../http/csv-table.ts';
import type { Http, HttpRequest } from '../../../http/types.ts';
import type { Clock } from '../../../ports.ts';
import { ownIds, type WhoseOptions, whose } from '../../ledger/index.ts';
import { seriesAnswer, seriesQuery, spanOf } from '../schemas.ts';
import { type UseSeries, useSeries } from '../series.ts';
import { rounded, type SlotOfUse } from '../use-figures.ts';

export interface SeriesRoutes extends WhoseOptions {
  catalog: Catalog;
  clock: Clock;
  database: Database;
}

/** Use over time, for whoever holds the key, the owner and the vendor. */
export function seriesRoute(http: Http, { catalog, clock, database, ...options }: SeriesRoutes): void {
  http.get(
    '/v1/usage',
    {
      config: { access: 'anyone' },
      schema: {
        tags: ['Usage'],
        summary: 'Use over time',
        description:
          'Of a licence, by its key or id, or what is a customer’s own; a customer who names nobody is answered everything that is theirs. ' +
          'One series for each balance, with a figure for every slot. An event counts when it happened, and shows as soon as it was ' +
          'answered as accepted.',
        querystring: seriesQuery,
        response: { 200: seriesAnswer },
      },
    },
    async (request, reply) => {
      const now = clock.now();
      const { group, product, meter } = request.query;
      const span = spanOf(request.query, now);
      const owners = await ownersOf(request, request.query);
      const question = { ...span, byRoute: group === 'route', product, meter };
      const series = await useSeries(database.connection, owners, { question, catalog, now });
      if (wantsCsv(request, request.query.format)) return sendCsv(reply, 'usage', seriesCsv(series));
      return {
        object: 'usage_series' as const,
        from: span.from.toISOString(),
        to: span.to.toISOString(),
        by: span.by,
        data: series.map(seriesView),
      };
    },
  );

  async function ownersOf(request: HttpRequest, query: z.infer<typeof seriesQuery>): Promise<string[]> {
    const owner = await whose(request, query, options);
    return owner === null ? ownIds(request, options) : Object.values(owner.owner);
  }
}

function seriesView({
  account,
  meter,
  routes,
  trend,
  ...rest
}: UseSeries): z.infer<typeof seriesAnswer>['data'][number] {
  return {
    product: account.product,
    meter: meter.id,
    unit: meter.unit,
    license_id: account.license_id,
    customer_id: account.customer_id,
    ...rest,
    trend: trendView(trend),
    ...(routes === null ? {} : { routes }),
  };
}

export function trendView(
  trend: Trend | null,
): { per_slot: number; rate: number | null; direction: Trend['direction'] } | null {
  if (trend === null) return null;
  const { perSlot, rate, direction } = trend;
  return { per_slot: rounded(perSlot), rate: rate === null ? null : rounded(rate), direction };
}

const FIGURES = ['events', 'failed', 'quantity', 'covered', 'overage', 'uncovered'] as const;
const COLUMNS = [
  'product',
  'meter',
  'unit',
  'license_id',
  'customer_id',
  'method',
  'route',
  'start',
  'end',
  ...FIGURES,
];

/** A line for each slot; with routes, for each slot of each route. */
function seriesCsv(series: readonly UseSeries[]): string {
  const rows = series.flatMap(({ account, meter, slots, routes }) => {
    const { product, license_id, customer_id } = account;
    const line = (slot: SlotOfUse, route: { method: string | null; route: string | null }) => [
      ...[product, meter.id, meter.unit, license_id, customer_id, route.method, route.route, slot.start, slot.end],
      ...FIGURES.map((figure) => slot[figure]),
    ];
    if (routes === null) return slots.map((slot) => line(slot, { method: null, route: null }));
    return routes.flatMap((route) => (route.slots ?? []).map((slot) => line(slot, route)));
  });
  return csvTable(COLUMNS, rows);
}
