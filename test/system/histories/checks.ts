import { isDeepStrictEqual } from 'node:util';
import type { Wire } from '../../support/wire.ts';
import { expectedLicense, expectedMonthlyCents } from './oracle.ts';
import { readStripe, type StripeState } from './stripe-state.ts';
import type { World } from './world.ts';

/** What must go on holding from one check to the next. */
export interface Memory {
  /** Subscriptions that were seen to give access. */
  readonly licensed: Set<string>;
  /** How often a licence was found in each state. */
  readonly seen: Map<string, number>;
}

/** Everything that is not as it must be, in words. The server must have heard of everything before. */
export async function everythingWrong(world: World, memory: Memory): Promise<string[]> {
  const stripe = await readStripe(world);
  return [
    ...(await mirrorDiffers(world, stripe)),
    ...(await licensesDiffer(world, stripe, memory)),
    ...(await happenedTwice(world)),
    ...(await revenueDiffers(world, stripe)),
    ...(await workIsLeft(world)),
  ];
}

/** Stripe's own products and prices are kept as far as they were heard of; of the rest every object must be there. */
const AS_HEARD = ['product', 'price'];

async function mirrorDiffers({ shop }: World, stripe: StripeState): Promise<string[]> {
  const rows = await shop.server.app.database.connection
    .selectFrom('stripe_objects')
    .select(['type', 'id', 'data'])
    .where('deleted', '=', false)
    .execute();
  const mirrored = new Map(rows.map(({ type, id, data }) => [`${type}:${id}`, data as Wire]));
  const wrong: string[] = [];
  for (const type of stripe.types) {
    for (const object of stripe.all(type)) {
      const known = mirrored.get(`${type}:${object.id}`);
      mirrored.delete(`${type}:${object.id}`);
      if (known === undefined) {
        const ended = type === 'subscription' && /canceled|incomplete_expired/.test(object.status);
        if (!AS_HEARD.includes(type) && !ended) wrong.push(`the mirror has no ${type} ${object.id}`);
      } else if (!isDeepStrictEqual(known, object)) {
        wrong.push(`the mirror has another ${type} ${object.id}: ${differing(known, object)}`);
      }
    }
  }
  return [...wrong, ...[...mirrored.keys()].map((key) => `the mirror has ${key}, and Stripe does not`)];
}

function differing(left: Wire, right: Wire): string {
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return names
    .filter((name) => !isDeepStrictEqual(left[name], right[name]))
    .map((name) => `${name} ${JSON.stringify(left[name])} is ${JSON.stringify(right[name])}`)
    .join(', ');
}

async function licensesDiffer(world: World, stripe: StripeState, { licensed, seen }: Memory): Promise<string[]> {
  const { shop, offers } = world;
  const rows = await query<{ reference: string; license: string | null }>(
    world,
    'SELECT s.reference, l.id AS license FROM subscriptions s LEFT JOIN licenses l ON l.subscription_id = s.id',
  );
  const byReference = Map.groupBy(rows, ({ reference }) => reference);
  const wrong: string[] = [];
  for (const subscription of stripe.all('subscription')) {
    const [item] = subscription.items.data;
    const offer = offers.find(({ price }) => price === item.price.id);
    const found = byReference.get(subscription.id) ?? [];
    if (offer === undefined) {
      if (found.length > 0) wrong.push(`${subscription.id} sells nothing of ours and is followed all the same`);
      continue;
    }
    if (found.length > 1) wrong.push(`${subscription.id} has ${found.length} licences`);
    const [row] = found;
    const expected = expectedLicense(subscription, stripe, offer);
    if (expected?.isOwed === true) licensed.add(subscription.id);
    if (row?.license == null) {
      if (licensed.has(subscription.id)) wrong.push(`${subscription.id} (${subscription.status}) has no licence`);
      continue;
    }
    if (expected === null) {
      wrong.push(`${subscription.id} (${subscription.status}) was never paid for and has a licence`);
      continue;
    }
    const { body } = await shop.vendor('GET', `/v1/licenses/${row.license}`);
    seen.set(body.status, (seen.get(body.status) ?? 0) + 1);
    const is = `${body.status} ${body.plan}`;
    const mustBe = `${expected.status} ${expected.plan ?? body.plan}`;
    if (is !== mustBe) {
      wrong.push(
        `the licence of ${subscription.id} (${offer.product}/${offer.plan}, ${subscription.status}) is ${is} and must be ` +
          `${mustBe}: ${JSON.stringify({ expires: body.expires_at, coverage: body.coverage, holds: body.holds })}`,
      );
    }
  }
  return wrong;
}

/** Each of these answers rows where there must be none. */
const ONCE = {
  'a subscription has two licences': `
    SELECT subscription_id AS what FROM licenses WHERE subscription_id IS NOT NULL
    GROUP BY subscription_id HAVING count(*) > 1`,
  'a letter was sent twice': `
    SELECT outbox.effect_key AS what FROM sandbox_mail JOIN outbox ON outbox.id = sandbox_mail.outbox_id
    GROUP BY outbox.effect_key HAVING count(*) > 1`,
  'a key was written to its owner more or less than once': `
    SELECT l.id AS what FROM licenses l
    LEFT JOIN outbox o ON o.effect_key = 'mail:license:' || l.id || ':issued'
    LEFT JOIN sandbox_mail m ON m.outbox_id = o.id
    WHERE l.subscription_id IS NOT NULL GROUP BY l.id HAVING count(m.id) <> 1`,
  'the end of a subscription was written about more or less than once': `
    SELECT s.reference AS what FROM subscriptions s JOIN licenses l ON l.subscription_id = s.id
    LEFT JOIN outbox o ON o.effect_key = 'mail:subscription:' || s.reference || ':subscription-canceled:ended'
    LEFT JOIN sandbox_mail m ON m.outbox_id = o.id
    WHERE s.status = 'canceled' GROUP BY s.reference HAVING count(m.id) <> 1`,
  'a licence was issued, or a subscription begun, more or less than once in the audit log': `
    SELECT things.id AS what FROM (
      SELECT id, 'license.issued' AS action FROM licenses UNION ALL SELECT id, 'subscription.created' FROM subscriptions
    ) AS things LEFT JOIN audit_log a ON a.subject_id = things.id AND a.action = things.action
    GROUP BY things.id HAVING count(a.id) <> 1`,
  'a step was recorded in the audit log twice in a row': `
    SELECT steps.subject_id || ': ' || steps.action AS what FROM (
      SELECT subject_id, action, detail, lag(detail) OVER (PARTITION BY subject_id ORDER BY id) AS before
      FROM audit_log WHERE subject_type = 'subscription' AND detail ->> 'from' LIKE '%/%'
    ) AS steps WHERE steps.before ->> 'to' = steps.detail ->> 'to'`,
};

async function happenedTwice(world: World): Promise<string[]> {
  const wrong: string[] = [];
  for (const [sentence, text] of Object.entries(ONCE)) {
    for (const { what } of await query<{ what: string }>(world, text)) wrong.push(`${sentence}: ${what}`);
  }
  return wrong;
}

async function revenueDiffers(world: World, stripe: StripeState): Promise<string[]> {
  const { offers } = world;
  const ours = stripe
    .all('subscription')
    .filter(({ items }) => offers.some(({ price }) => price === items.data[0].price.id));
  const expected = ours.reduce((cents, subscription) => cents + expectedMonthlyCents(subscription), 0);
  const rows = await query<{ moved: number; stands: number }>(
    world,
    `
    SELECT (SELECT coalesce(sum(delta_cents), 0)::float8 FROM revenue_movements) AS moved,
      (SELECT coalesce(sum(mrr_cents), 0)::float8 FROM subscriptions) AS stands`,
  );
  const { moved, stands } = rows[0] ?? { moved: Number.NaN, stands: Number.NaN };
  if (moved === expected && stands === expected) return [];
  return [`a month brings ${expected}, the subscriptions say ${stands} and all movements together ${moved}`];
}

async function workIsLeft(world: World): Promise<string[]> {
  const rows = await query<{ what: string }>(
    world,
    `SELECT 'the event ' || id || ' failed: ' || coalesce(reason, '') AS what FROM inbox WHERE status IN ('failed', 'pending')
    UNION ALL SELECT 'the effect ' || effect_key || ' is ' || status FROM outbox WHERE status IN ('pending', 'dead')
    UNION ALL SELECT 'the call to Stripe ' || id || ' is ' || status FROM intents WHERE status = 'planned'`,
  );
  return rows.map(({ what }) => what);
}

async function query<Row>({ shop }: World, text: string): Promise<Row[]> {
  const { handle } = shop.server.app.database;
  if (handle.engine !== 'pglite') throw new Error('Histories are lived on the embedded database.');
  return (await handle.pglite.query<Row>(text)).rows;
}
