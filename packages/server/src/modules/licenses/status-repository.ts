import { type Catalog, DEFAULT_LICENSE_POLICY, type LicenseStatus } from '@latchkey/core';
import { type RawBuilder, sql } from 'kysely';
import { termPolicy } from './policy.ts';

/**
 * `licenseStatus` of core, told to the database so that lists and counts need not read every licence. A property test holds
 * the two together.
 */
export function statusExpression(catalog: Catalog, now: Date): RawBuilder<LicenseStatus> {
  const facts = catalogFacts(catalog);
  const ofProduct = sql`(${facts}::jsonb -> 'products' -> licenses.product)`;
  const ofPlan = sql`(${facts}::jsonb -> 'plans' -> (licenses.product || '/' || licenses.plan))`;
  const own = sql`(licenses.overrides -> 'policy')`;
  const strategy = sql`coalesce(${own} ->> 'expiryStrategy', ${ofPlan} ->> 'strategy', ${DEFAULT_LICENSE_POLICY.expiryStrategy})`;
  const graceDays = sql`coalesce((${own} ->> 'graceDays')::float8, (${ofPlan} ->> 'graceDays')::float8, ${DEFAULT_LICENSE_POLICY.graceDays})`;
  const withGrace = sql`licenses.expires_at + make_interval(secs => coalesce((${ofProduct} ->> 'graceSeconds')::float8, ${NO_CATALOG.graceMs / 1000}))`;
  const keptWhenUnpaid = sql`coalesce((${ofProduct} ->> 'keep')::boolean, ${NO_CATALOG.keepWhenUnpaid === true})`;
  const paymentHold = sql`(SELECT effective_at FROM license_holds h WHERE h.license_id = licenses.id AND h.cause = 'payment')`;
  const termEnd = sql`CASE licenses.coverage
    WHEN 'renewing' THEN ${withGrace}
    WHEN 'past_due' THEN CASE WHEN ${keptWhenUnpaid} THEN NULL ELSE greatest(coalesce(${paymentHold}, ${withGrace}), licenses.expires_at) END
    WHEN 'term' THEN licenses.expires_at + make_interval(secs => ${graceDays} * 86400)
    ELSE licenses.expires_at END`;
  const held = (effect: string) =>
    sql`EXISTS (SELECT 1 FROM license_holds h WHERE h.license_id = licenses.id AND h.effect = ${effect} AND h.effective_at <= ${now}::timestamptz)`;
  const ended = sql`(licenses.expires_at IS NOT NULL AND coalesce(${termEnd} <= ${now}::timestamptz, false))`;
  return sql<LicenseStatus>`CASE
    WHEN ${held('revoke')} OR (${strategy} = 'revoke' AND ${ended}) THEN 'revoked'
    WHEN ${held('suspend')} THEN 'suspended'
    WHEN ${strategy} = 'restrict' AND ${ended} THEN 'expired'
    WHEN licenses.starts_at > ${now}::timestamptz THEN 'not_started'
    WHEN NOT ${ended} AND (licenses.coverage = 'past_due' OR (licenses.coverage = 'term' AND licenses.expires_at <= ${now}::timestamptz)) THEN 'grace'
    ELSE 'active' END`;
}

const NO_CATALOG = termPolicy({ products: [] }, '', DEFAULT_LICENSE_POLICY);

/** What of the catalog a status depends on, as the database is given it. */
function catalogFacts(catalog: Catalog): string {
  const products = catalog.products.map((product) => {
    const { graceMs, keepWhenUnpaid } = termPolicy(catalog, product.id, DEFAULT_LICENSE_POLICY);
    return [product.id, { graceSeconds: graceMs / 1000, keep: keepWhenUnpaid === true }] as const;
  });
  const plans = catalog.products.flatMap((product) =>
    product.plans.map(
      ({ id, license }) =>
        [`${product.id}/${id}`, { graceDays: license.graceDays, strategy: license.expiryStrategy }] as const,
    ),
  );
  return JSON.stringify({ products: Object.fromEntries(products), plans: Object.fromEntries(plans) });
}
