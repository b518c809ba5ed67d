import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createChance } from './chance.ts';
import { everythingWrong, type Memory } from './checks.ts';
import { createHistory, type History } from './history.ts';
import { openWorld, type World } from './world.ts';

/** Histories that are lived side by side, on one server. */
const TOGETHER = 20;
const ROUNDS = 10;
/** Of 3 rounds one ends with a look at everything. */
const LOOK_IN_HUNDRED = 33;

const isLong = process.env.LATCHKEY_TEST_LONG === '1';
const only = process.env.LATCHKEY_HISTORIES;
/** How often a licence was found in each state, over all seeds. */
const seen = new Map<string, number>();
/** All of them, for what happened in any. */
const living: History[] = [];
const seeds =
  only === undefined ? Array.from({ length: isLong ? 15 : 1 }, (_, index) => index + 1) : only.split(',').map(Number);

describe.each(seeds)(`${TOGETHER} random histories of buyers, all from the seed %i`, (seed) => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.close());

  it('leave the mirror, licences, letters, audit and revenue as Stripe has it, though a tenth of all webhooks is lost', async () => {
    const chance = createChance(seed);
    const histories = Array.from({ length: TOGETHER }, (_, index) =>
      createHistory(world, `buyer-${seed}-${index}`, createChance(seed * 1_000 + index)),
    );
    living.push(...histories);
    const memory: Memory = { licensed: new Set(), seen };
    for (let round = 1; round <= ROUNDS; round += 1) {
      await world.changeWeather(chance);
      await Promise.all(histories.map((history) => history.act()));
      await world.shop.settle();
      await world.changeWeather(chance);
      await world.advance(chance.one([1, 3, 24, 4 * 24, 11 * 24, 31 * 24]));
      if (round === ROUNDS || chance.inHundred(LOOK_IN_HUNDRED)) await look(world, memory, { seed, round, histories });
    }
  }, 600_000);
});

it('bring licences into every state, and everything that may happen does', () => {
  if (only !== undefined) return;
  expect([...seen.keys()].toSorted()).toEqual(['active', 'expired', 'grace', 'revoked', 'suspended']);
  const everything = [...(living[0]?.happened.keys() ?? [])];
  expect(everything.length).toBeGreaterThan(10);
  expect(everything.filter((what) => living.every(({ happened }) => happened.get(what) === 0))).toEqual([]);
});

async function look(
  world: World,
  memory: Memory,
  { seed, round, histories }: { seed: number; round: number; histories: readonly History[] },
): Promise<void> {
  await world.calm();
  const mended = await world.reconcile('fix');
  const again = await world.reconcile('report');
  const wrong = await everythingWrong(world, memory);
  if (mended.found !== mended.fixed || again.found > 0) {
    wrong.push(
      `reconciling mended ${mended.fixed} of ${mended.found}, and then found ${JSON.stringify(again.differences)}`,
    );
  }
  if (wrong.length === 0) return;
  const concerned = histories.filter(({ log }) => isConcerned(log, wrong));
  const lives = (concerned.length === 0 ? histories : concerned).map(
    ({ name, log }) => `${name}\n${log.map((line) => `    ${line}`).join('\n')}`,
  );
  expect.fail(
    [
      `After round ${round} of the seed ${seed}:`,
      ...wrong.map((sentence) => `  ${sentence}`),
      `To live through it again: LATCHKEY_HISTORIES=${seed} npx vitest run --project system test/system/histories`,
      ...lives,
    ].join('\n'),
  );
}

/** Whether a life has to do with one of the objects that are wrong. */
function isConcerned(log: readonly string[], wrong: readonly string[]): boolean {
  const ids = log.join(' ').match(/\b(sub|ch|in|dp|cus)_\w+/g) ?? [];
  return ids.some((id) => wrong.some((sentence) => sentence.includes(id)));
}
