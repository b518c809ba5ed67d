import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../../../../core/test/license-snapshot.ts';
import type { Database } from '../../db/database.ts';
import type { KeptLicense } from './kept-license.ts';
import { createLicenseSnapshots } from './snapshots.ts';

function license(id: string): KeptLicense {
  const { startsAt, expiresAt, termBeginsWith, coverage, holds, machines, ...facts } = snapshotOf();
  const terms = { startsAt, expiresAt, termBeginsWith, coverage, holds };
  return { id, ...terms, machines, kind: { ...facts, machinesUsed: 0, isShared: true, answers: new Map() } };
}

/** Notices that the test sends and interrupts. */
function noticeBoard() {
  let tell = (_id: string) => {};
  let state: { onLost(): void; onRestored(): void } | undefined;
  const database: Pick<Database, 'listen'> = {
    async listen(_channel, handler, listening) {
      tell = handler;
      state = listening;
      return async () => {};
    },
  };
  return { database: database as Database, tell: (id: string) => tell(id), state: () => state };
}

async function followed(most?: number) {
  const board = noticeBoard();
  const snapshots = createLicenseSnapshots(most);
  await snapshots.follow(board.database);
  const remember = (id: string) => snapshots.get(`key ${id}`, async () => license(id));
  const knows = (id: string) => snapshots.peek(`key ${id}`) !== undefined;
  return { board, snapshots, remember, knows };
}

describe('licences in memory', () => {
  it('are at most as many as they may be, and those that nobody asks for go first', async () => {
    const { remember, knows } = await followed(1_000);
    for (let index = 0; index < 1_000; index += 1) await remember(`lic_${index}`);
    const wanted = Array.from({ length: 100 }, (_, index) => `lic_${index * 10}`);
    for (let index = 1_000; index < 1_400; index += 1) {
      for (const id of wanted) knows(id);
      await remember(`lic_${index}`);
    }
    const known = Array.from({ length: 1_400 }, (_, index) => `lic_${index}`).filter(knows);
    expect(known).toHaveLength(1_000);
    expect(wanted.filter(knows).length).toBeGreaterThan(90);
  });

  it('are kept as well when there is something special about them, a tenth as many', async () => {
    const { board, snapshots, knows } = await followed(100);
    const several = new Map(['one', 'other'].map((fingerprint) => [fingerprint, null]));
    for (let index = 0; index < 15; index += 1)
      await snapshots.get(`key lic_${index}`, async () => ({ ...license(`lic_${index}`), machines: several }), '::1');
    const known = Array.from({ length: 15 }, (_, index) => `lic_${index}`).filter(knows);
    expect(known).toEqual(Array.from({ length: 10 }, (_, index) => `lic_${index + 5}`));
    expect(snapshots.askedFrom('key lic_14')).toBe('::1');
    board.tell('lic_14');
    expect([knows('lic_14'), snapshots.askedFrom('key lic_14')]).toEqual([false, null]);
  });

  it('are forgotten with a notice, and loaded anew', async () => {
    const { board, remember, knows } = await followed();
    await remember('lic_1');
    board.tell('lic_1');
    expect(knows('lic_1')).toBe(false);
    await remember('lic_1');
    expect(knows('lic_1')).toBe(true);
  });

  it('are not kept when a notice overtook the load, nor when notices were lost meanwhile', async () => {
    const { board, snapshots, knows } = await followed();
    const loadedWhile = (event: () => void) =>
      snapshots.get('key lic_1', async () => {
        event();
        return license('lic_1');
      });
    expect(await loadedWhile(() => board.tell('lic_1'))).toMatchObject({ id: 'lic_1' });
    expect(knows('lic_1')).toBe(false);
    await loadedWhile(() => {
      board.state()?.onLost();
      board.state()?.onRestored();
    });
    expect(knows('lic_1')).toBe(false);
  });

  it('are neither answered nor kept while notices may be missed', async () => {
    const { board, remember, knows } = await followed();
    await remember('lic_1');
    board.state()?.onLost();
    expect(knows('lic_1')).toBe(false);
    await remember('lic_1');
    expect(knows('lic_1')).toBe(false);
    board.state()?.onRestored();
    expect(knows('lic_1')).toBe(false);
  });
});
