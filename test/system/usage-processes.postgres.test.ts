import { randomInt } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SeveralServers, startSeveralServers } from '../support/several-servers.ts';
import type { Wire } from '../support/wire.ts';

const isLong = process.env.LATCHKEY_TEST_LONG === '1';
const CALLERS = 500;
const BALANCE = 100;
const ROUNDS = isLong ? 100 : 2;
const EVENTS = isLong ? 1_000_000 : 6_000;
const LONGEST_MS = isLong ? 3_600_000 : 300_000;
const DAY_MS = 86_400_000;

let servers: SeveralServers;
let database: pg.Client;

beforeAll(async () => {
  servers = await startSeveralServers(3);
  database = new pg.Client({ connectionString: servers.databaseUrl });
  await database.connect();
}, 90_000);

afterAll(async () => {
  await database?.end();
  await servers?.remove();
});

/** As the admin; what answers nothing is asked again at the next server. */
async function call(index: number, method: string, path: string, body?: unknown): Promise<Wire> {
  for (let turn = index; ; turn += 1) {
    const answer = await servers.call(turn, method, path, body);
    if (answer !== null && answer.status < 500) return answer.body;
  }
}

/** A licence of the free plan: 100 calls in each period, and no more. */
async function issue(): Promise<{ id: string; key: string }> {
  return call(0, 'POST', '/v1/licenses', { product: 'investment-system', plan: 'free' });
}

const everyone = <T>(work: (caller: number) => Promise<T>) =>
  Promise.all(Array.from({ length: CALLERS }, (_, caller) => work(caller)));

const reserve = (caller: number, license_key: string) =>
  servers.call(caller, 'POST', '/v1/usage/check', {
    meter: 'calls',
    license_key,
    quantity: 1,
    reserve: true,
    hold_seconds: 600,
  });

/** What an account has, recomputed from nothing but its journal and its live reservations. */
async function recount(licenseId: string) {
  const account = `license/${licenseId}/investment-system/calls`;
  const { rows } = await database.query(
    `SELECT
      coalesce(sum(amount) FILTER (WHERE kind = 'grant'), 0)::int AS granted,
      coalesce(sum(amount) FILTER (WHERE to_bucket = 'consumed'), 0)::int AS used,
      (SELECT coalesce(sum(amount), 0)::int FROM ledger_reservations WHERE account_id = $1 AND status = 'live') AS held,
      (SELECT available::int FROM ledger_accounts WHERE id = $1) AS available,
      (SELECT coalesce(sum(quantity), 0)::int FROM usage_events WHERE account_id = $1) AS events,
      (SELECT coalesce(sum(recorded), 0)::int FROM usage_windows WHERE account_id = $1) AS recorded
    FROM ledger_transfers WHERE account_id = $1`,
    [account],
  );
  return rows[0] ?? {};
}

describe(`${CALLERS} checks of one call at once, on ${BALANCE} calls, over three processes`, () => {
  it(
    `allow exactly ${BALANCE}, in each of ${ROUNDS} rounds [V7] [Z3]`,
    async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { key, id } = await issue();
        const answers = await everyone((caller) => reserve(caller, key));
        const allowed = answers.filter((answer) => answer?.body.allowed === true);
        expect([allowed.length, answers.filter((answer) => answer?.body.code === 'LIMIT_REACHED').length]).toEqual([
          BALANCE,
          CALLERS - BALANCE,
        ]);
        expect(await recount(id)).toMatchObject({ granted: BALANCE, used: 0, held: BALANCE, available: 0 });
      }
    },
    LONGEST_MS,
  );

  it(
    `allow no more with reservations that are used, given up or forgotten, in ${ROUNDS} rounds [Z3]`,
    async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { key, id } = await issue();
        const endings = await everyone(async (caller) => {
          const answer = await reserve(caller, key);
          const reservation = answer?.body.reservation_id;
          if (typeof reservation !== 'string') return 'refused';
          const ending = ['finalize', 'release', 'forgotten'][randomInt(3)] ?? '';
          if (ending === 'forgotten') return ending;
          const done = await servers.call(caller + 1, 'POST', `/v1/reservations/${reservation}/${ending}`, {});
          return done?.status === 200 ? ending : 'failed';
        });
        const of = (ending: string) => endings.filter((one) => one === ending).length;
        expect(of('failed')).toBe(0);
        const used = of('finalize');
        const held = of('forgotten');
        expect(used + held).toBeLessThanOrEqual(BALANCE);
        expect(await recount(id)).toMatchObject({
          used,
          held,
          available: BALANCE - used - held,
          events: used,
          recorded: used,
        });
      }
    },
    LONGEST_MS,
  );

  it(
    'leave a balance of what was granted, less what was used and what is held, when one process is killed in the middle',
    async () => {
      const { key, id } = await issue();
      let answered = 0;
      let killed: Promise<void> | null = null;
      // One group commit may answer all that a process has: some ask only when it is being killed, so that it is so in the middle of something.
      const middle = Promise.withResolvers<void>();
      const endings = await everyone(async (caller) => {
        if (caller >= CALLERS / 2) await middle.promise;
        const answer = await reserve(caller, key);
        answered += 1;
        if (answered === 60) {
          killed = servers.kill(1);
          middle.resolve();
        }
        const reservation = answer?.body.reservation_id;
        if (typeof reservation !== 'string') return answer === null ? 'unknown' : 'refused';
        const done = await servers.call(caller + 1, 'POST', `/v1/reservations/${reservation}/finalize`, {});
        return done === null ? 'unknown' : done.status === 200 ? 'used' : 'failed';
      });
      await killed;
      await servers.start(1);
      const { granted, used, held, available, events, recorded } = await recount(id);
      expect(available).toBe(granted - used - held);
      expect(granted).toBe(BALANCE);
      expect([events, recorded]).toEqual([used, used]);
      // Nothing that was answered is lost, and what nobody was told of is held or used, not both.
      const told = endings.filter((one) => one === 'used').length;
      const unknown = endings.filter((one) => one === 'unknown').length;
      expect(endings).toContain('unknown');
      expect(used).toBeGreaterThanOrEqual(told);
      expect(used + held).toBeLessThanOrEqual(told + unknown);
      const limits = await call(1, 'GET', `/v1/usage/limits?meter=calls&license_key=${key}`);
      expect(limits.data[0]).toMatchObject({ used, remaining: available });
    },
    LONGEST_MS,
  );
});

interface Sent {
  id: string;
  customer_id: string;
  meter: string;
  quantity: number;
  at: string;
  enforce: boolean;
}

describe(`${EVENTS} events, a fifth of them twice and a tenth late, shuffled by four clients`, () => {
  it(
    'add up to the truth, whichever process is killed meanwhile, and twice [Z4]',
    async () => {
      const customers = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          call(index, 'POST', '/v1/customers', { email: `load-${index}@example.com` }),
        ),
      );
      const events = Array.from({ length: EVENTS }, (_, index) => eventOf(index, customers[index % 20]?.id));
      const truth = truthOf(events);
      const sent = shuffled([...events, ...events.filter((_, index) => index % 5 === 0)]);
      const batches = Array.from({ length: Math.ceil(sent.length / 100) }, (_, index) =>
        sent.slice(index * 100, (index + 1) * 100),
      );
      const totals = { accepted: 0, duplicates: 0, rejected: 0 };
      const kills = new Map([
        [Math.floor(batches.length / 3), 1],
        [Math.floor((batches.length * 2) / 3), 2],
      ]);
      const comingBack: Promise<void>[] = [];
      let next = 0;
      const client = async (number: number) => {
        for (let turn = next; turn < batches.length; turn = next) {
          next += 1;
          const victim = kills.get(turn);
          if (victim !== undefined) comingBack.push(servers.kill(victim).then(() => servers.start(victim)));
          const answer = await call(number + turn, 'POST', '/v1/usage', batches[turn]);
          totals.accepted += answer.accepted;
          totals.duplicates += answer.duplicates;
          totals.rejected += answer.rejected.length;
        }
      };
      await Promise.all([0, 1, 2, 3].map(client));
      await Promise.all(comingBack);
      expect(comingBack).toHaveLength(2);
      // What was counted by a process that died before it could say so is answered as a duplicate.
      expect(totals.rejected).toBe(0);
      expect(totals.accepted).toBeLessThanOrEqual(EVENTS);
      expect(totals.accepted + totals.duplicates).toBe(sent.length);
      const { rows } = await database.query<{
        window: string;
        recorded: string;
        covered: string;
        events: string;
        written: string;
      }>(
        `SELECT split_part(account_id, '/', 2) || ' ' || to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM') AS window,
          recorded, covered, events,
          (SELECT sum(quantity) FROM usage_events
            WHERE usage_events.account_id = usage_windows.account_id AND at >= starts_at AND at < ends_at) AS written
        FROM usage_windows WHERE account_id LIKE 'customer/%'`,
      );
      const counted = new Map(
        rows.map((row) => [row.window, { sum: Number(row.recorded), events: Number(row.events) }]),
      );
      expect(counted).toEqual(truth);
      for (const row of rows) {
        expect(row.written).toBe(row.recorded);
        expect(Number(row.covered)).toBe(Math.min(Number(row.recorded), 100));
      }
      const proof = await call(0, 'GET', '/v1/ledger/proof?limit=1000');
      expect(proof).toMatchObject({ balanced: true });
    },
    LONGEST_MS,
  );
});

function eventOf(index: number, customer_id: string): Sent {
  const daysAgo = index % 10 === 0 ? 1 + randomInt(33) : 0;
  const at = new Date(Date.now() - daysAgo * DAY_MS - randomInt(1_000)).toISOString();
  return { id: `load-${index}`, customer_id, meter: 'calls', quantity: 1 + randomInt(5), at, enforce: false };
}

/** Sums by customer and calendar month, of each event once. */
function truthOf(events: readonly Sent[]): Map<string, { sum: number; events: number }> {
  const truth = new Map<string, { sum: number; events: number }>();
  for (const { customer_id, at, quantity } of events) {
    const window = `${customer_id} ${at.slice(0, 7)}`;
    const { sum, events: count } = truth.get(window) ?? { sum: 0, events: 0 };
    truth.set(window, { sum: sum + quantity, events: count + 1 });
  }
  return truth;
}

function shuffled<Item>(items: Item[]): Item[] {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    const [one, two] = [items[last], items[other]];
    if (one === undefined || two === undefined) continue;
    items[last] = two;
    items[other] = one;
  }
  return items;
}
