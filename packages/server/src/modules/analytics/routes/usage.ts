import type { Catalog } from '@latchkey/core';
import type { z } from 'zod';
import type { Database } from '../../../db/database.ts';
import { csvTable, sendCsv, wantsCsv } from '../../../http/csv-table.ts';
import type { Http } from '../../../http/types.ts';
import type { Clock } from '../../../ports.ts';
import { analyticsAnswer, analyticsQuery, spanOf } from '../schemas.ts';
import { type MeterAnalytics, useAnalytics } from '../use-analytics.ts';
import { trendView } from './series.ts';

export interface UsageAnalyticsRoutes {
  catalog: Catalog;
  clock: Clock;
  database: Database;
}

/** Everybody's use, for the vendor. */
export function usageAnalyticsRoute(http: Http, { catalog, clock, database }: UsageAnalyticsRoutes): void {
  http.get(
    '/v1/analytics/usage',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['Analytics'],
        summary: 'Use by meter, time, route and customer',
        description:
          'For every meter of the catalog, or those that are named: a series, its trend, what the month comes to, percentiles of how long ' +
          'requests took, the routes and the customers that used most, and the hours of the day.',
        querystring: analyticsQuery,
        response: { 200: analyticsAnswer },
      },
    },
    async (request, reply) => {
      const now = clock.now();
      const { product, meter, top, table, format } = request.query;
      const span = spanOf(request.query, now);
      const question = { ...span, product, meter, top };
      const meters = await useAnalytics(database.connection, { question, catalog, now });
      if (wantsCsv(request, format)) return sendCsv(reply, `usage-${table}`, TABLES[table](meters));
      return {
        object: 'usage_analytics' as const,
        as_of: now.toISOString(),
        from: span.from.toISOString(),
        to: span.to.toISOString(),
        by: span.by,
        data: meters.map(meterView),
      };
    },
  );
}

function meterView({ meter, trend, ...rest }: MeterAnalytics): z.infer<typeof analyticsAnswer>['data'][number] {
  const { id, unit, aggregation } = meter;
  return { meter: id, unit, aggregation, ...rest, trend: trendView(trend) };
}

const FIGURES = ['events', 'failed', 'quantity', 'covered', 'overage', 'uncovered'] as const;
const LATENCY = ['timed', 'mean_ms', 'p50_ms', 'p95_ms', 'p99_ms'] as const;

/** The tables that CSV can have, a line for each thing in them. */
const TABLES = {
  slots: table(['start', 'end', ...FIGURES], ({ slots }) =>
    slots.map((slot) => [slot.start, slot.end, ...FIGURES.map((figure) => slot[figure])]),
  ),
  routes: table(['method', 'route', ...FIGURES, ...LATENCY], ({ routes }) =>
    routes.map(({ method, route, latency, ...figures }) => [
      ...[method, route, ...FIGURES.map((figure) => figures[figure])],
      ...LATENCY.map((figure) => latency?.[figure]),
    ]),
  ),
  customers: table(['customer_id', 'license_id', 'email', ...FIGURES], ({ customers }) =>
    customers.map(({ customer_id, license_id, email, ...figures }) => [
      ...[customer_id, license_id, email, ...FIGURES.map((figure) => figures[figure])],
    ]),
  ),
};

type Line = Parameters<typeof csvTable>[1][number];

function table(columns: readonly string[], linesOf: (meter: MeterAnalytics) => readonly Line[]) {
  return (meters: readonly MeterAnalytics[]): string =>
    csvTable(
      ['product', 'meter', 'unit', ...columns],
      meters.flatMap((one) => linesOf(one).map((line) => [one.product, one.meter.id, one.meter.unit, ...line])),
    );
}
