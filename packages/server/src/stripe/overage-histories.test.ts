import { fileURLToPath } from 'node:url';
import { overageCents } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Caller,
  overageCharged,
  pass,
  periodOf,
  RATES,
  subscribeCaller,
  useBeyond,
} from '../../test/support/overage.ts';
import { openShop, type Shop } from '../../test/support/shop.ts';

const CATALOG = fileURLToPath(new URL('../../test/support/overage.yaml', import.meta.url));
const isLong = process.env.LATCHKEY_TEST_LONG === '1';
/** As many at a time as one clock can be moved for in minutes. */
const HISTORIES = isLong ? 20 : 6;
const ROUNDS = isLong ? [1, 2, 3, 4, 5] : [1];
const STEPS = isLong ? 12 : 7;
const UPGRADES = ['payg', 'starter', 'pro', 'team'];

/** The same numbers for the same seed: a history that fails is told by the seed alone. */
function randomOf(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9) | 0;
    return Math.abs(state ^ (state >>> 13)) % below;
  };
}

interface Window {
  start: Date;
  end: Date;
}

/** Somebody who uses, upgrades and leaves by chance; and what that has to cost. */
interface History {
  seed: number;
  caller: Caller;
  plan: string;
  hasEnded: boolean;
  random(below: number): number;
  /** The units of each period at each rate. */
  used: Map<string, { plan: string; window: Window; units: number }>;
  told: string[];
}

let shop: Shop;

beforeAll(async () => {
  shop = await openShop({ CATALOG });
});
afterAll(() => shop?.close());

async function use(history: History, plan: string, units: number, window: Window): Promise<void> {
  await useBeyond(shop, history.caller, plan, units, window);
  const key = `${window.start.toISOString()} ${plan}`;
  const before = history.used.get(key)?.units ?? 0;
  history.used.set(key, { plan, window, units: before + units });
  history.told.push(`${plan} ${units}`);
}

async function change(history: History, path: string, body: object): Promise<void> {
  const answer = await shop.vendor('POST', `/v1/subscriptions/${history.caller.id}/${path}`, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  history.told.push(`${path} ${JSON.stringify(body)}`);
}

async function step(history: History): Promise<void> {
  const { random, used } = history;
  const past = [...used.values()].at(0);
  switch (random(8)) {
    case 0:
      // Told late, or of a plan that was left: it is billed all the same.
      if (past !== undefined) await use(history, past.plan, 1 + random(9), past.window);
      return;
    case 1:
      if (past !== undefined && past.units > 3) await use(history, past.plan, -(1 + random(3)), past.window);
      return;
    case 2: {
      const next = UPGRADES[UPGRADES.indexOf(history.plan) + 1];
      if (history.hasEnded || next === undefined) return;
      await change(history, 'change', { plan: next });
      history.plan = next;
      return;
    }
    case 3:
      if (history.hasEnded || random(3) > 0) return;
      history.hasEnded = true;
      await change(history, 'cancel', random(2) === 0 ? {} : { at_period_end: true });
      return;
    default:
      if (!history.hasEnded) await use(history, history.plan, 1 + random(200), await periodOf(shop, history.caller));
  }
}

describe('over random histories of use, upgrades and endings', () => {
  it.each(ROUNDS)(
    'what is used beyond the plan is what the invoices charge, to the cent: round %i',
    async (round) => {
      const histories: History[] = [];
      for (let seed = 1 + HISTORIES * (round - 1); seed <= HISTORIES * round; seed += 1) {
        const random = randomOf(seed);
        const plan = UPGRADES[random(UPGRADES.length)] ?? 'starter';
        const caller = await subscribeCaller(shop, plan);
        histories.push({ seed, caller, plan, hasEnded: false, random, used: new Map(), told: [] });
      }
      const clock = randomOf(4_242 + round);
      for (let count = 0; count < STEPS; count += 1) {
        for (const history of histories) await step(history);
        await pass(shop, { hours: 1 + clock(240) });
      }
      // What was told of periods that are billed waits for the next invoice, and the last for the one after.
      for (let days = 0; days < 66; days += 11) await pass(shop, { days: 11 });
      let total = 0;
      for (const { seed, caller, used, told } of histories) {
        const expected = [...used.values()].reduce((sum, { plan, units }) => {
          const [amountCents = 0, perUnits = 1] = RATES[plan] ?? [];
          return sum + overageCents({ amountCents, perUnits, currency: 'usd' }, units, 1);
        }, 0);
        total += expected;
        expect(await overageCharged(shop, caller), `seed ${seed}: ${told.join(', ')}`).toBe(expected);
      }
      expect(total).toBeGreaterThan(0);
    },
    isLong ? 1_200_000 : 180_000,
  );
});
