import type { Catalog, LicenseStatus } from '@latchkey/core';
import { z } from 'zod';
import type { Database } from '../../../db/database.ts';
import { csvTable, sendCsv, wantsCsv } from '../../../http/csv-table.ts';
import type { Http } from '../../../http/types.ts';
import type { Clock } from '../../../ports.ts';
import { type LicenseCount, licenseCensus } from '../../licenses/index.ts';

const STATUSES = [
  'active',
  'grace',
  'not_started',
  'expired',
  'suspended',
  'revoked',
] as const satisfies LicenseStatus[];
/** Within so many days. */
const ENDING = [7, 30, 90] as const;

const counts = {
  total: z.number(),
  ...(Object.fromEntries(STATUSES.map((status) => [status, z.number()])) as Record<LicenseStatus, z.ZodNumber>),
  ending: z
    .object({ days_7: z.number(), days_30: z.number(), days_90: z.number() })
    .describe('Those that are in force and end by themselves within so many days, unless somebody renews them.'),
};

const answer = z.object({
  object: z.literal('license_analytics'),
  as_of: z.string(),
  ...counts,
  by_plan: z.array(z.object({ product: z.string(), plan: z.string(), ...counts })),
});

type Counts = { total: number; ending: { days_7: number; days_30: number; days_90: number } } & Record<
  LicenseStatus,
  number
>;

/** How many licences there are, and how they stand. */
export function licenseAnalyticsRoute(
  http: Http,
  { catalog, clock, database }: { catalog: Catalog; clock: Clock; database: Database },
): void {
  http.get(
    '/v1/analytics/licenses',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['Analytics'],
        summary: 'Licences by status, product and plan, and those that end soon',
        querystring: z.object({
          product: z.string().max(100).optional(),
          format: z.enum(['json', 'csv']).optional().describe('Or by the header Accept.'),
        }),
        response: { 200: answer },
      },
    },
    async (request, reply) => {
      const now = clock.now();
      const { product, format } = request.query;
      const all = await licenseCensus(database.connection, { catalog, now, days: ENDING });
      const rows = all.filter((row) => product === undefined || row.product === product);
      const offers = [...new Map(rows.map((row) => [`${row.product} ${row.plan}`, row])).values()];
      const by_plan = offers.map((offer) => ({
        product: offer.product,
        plan: offer.plan,
        ...countsOf(rows.filter((row) => row.product === offer.product && row.plan === offer.plan)),
      }));
      if (wantsCsv(request, format)) return sendCsv(reply, 'licenses', licensesCsv(by_plan));
      return { object: 'license_analytics' as const, as_of: now.toISOString(), ...countsOf(rows), by_plan };
    },
  );
}

function countsOf(rows: readonly LicenseCount[]): Counts {
  const sum = (some: readonly LicenseCount[], of: (row: LicenseCount) => number) =>
    some.reduce((total, row) => total + of(row), 0);
  const inForce = rows.filter(({ status }) => status === 'active' || status === 'grace');
  const ending = (index: number) => sum(inForce, (row) => row.ending[index] ?? 0);
  const count = (status: LicenseStatus) =>
    sum(
      rows.filter((row) => row.status === status),
      ({ licenses }) => licenses,
    );
  return {
    total: sum(rows, ({ licenses }) => licenses),
    active: count('active'),
    grace: count('grace'),
    not_started: count('not_started'),
    expired: count('expired'),
    suspended: count('suspended'),
    revoked: count('revoked'),
    ending: { days_7: ending(0), days_30: ending(1), days_90: ending(2) },
  };
}

function licensesCsv(plans: readonly ({ product: string; plan: string } & Counts)[]): string {
  return csvTable(
    ['product', 'plan', 'total', ...STATUSES, ...ENDING.map((days) => `ending_within_${days}_days`)],
    plans.map(({ product, plan, total, ending, ...of }) => [
      ...[product, plan, total, ...STATUSES.map((status) => of[status])],
      ...[ending.days_7, ending.days_30, ending.days_90],
    ]),
  );
}
