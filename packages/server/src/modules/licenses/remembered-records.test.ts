import { describe, expect, it } from 'vitest';
import type { LicenseRecord } from './record.ts';
import { createRememberedRecords } from './remembered-records.ts';

const record = (version: number) => ({ id: 'lic_1', version }) as LicenseRecord;

function start() {
  const heard: { dropped?: (id: string) => void; lost?: () => void } = {};
  let trusted = true;
  const remembered = createRememberedRecords({
    watch(watcher) {
      Object.assign(heard, watcher);
      return () => trusted;
    },
  });
  let stored = 1;
  return {
    change: () => {
      stored += 1;
    },
    drop: () => heard.dropped?.('lic_1'),
    lose: () => {
      trusted = false;
      heard.lost?.();
    },
    versionOf: async (name: string) => (await remembered.get(name, async () => record(stored)))?.version,
    remembered,
  };
}

describe('licences that are remembered', () => {
  it('are read once, under each name', async () => {
    const { versionOf, change } = start();
    expect([await versionOf('lic_1'), await versionOf('key')]).toEqual([1, 1]);
    change();
    expect([await versionOf('lic_1'), await versionOf('key')]).toEqual([1, 1]);
  });

  it('are read again after a change, under every name', async () => {
    const { versionOf, change, drop } = start();
    await versionOf('lic_1');
    await versionOf('key');
    change();
    drop();
    expect([await versionOf('lic_1'), await versionOf('key')]).toEqual([2, 2]);
  });

  it('are not kept where a change overtook the reading of them', async () => {
    const { versionOf, change, drop, remembered } = start();
    await remembered.get('lic_1', async () => {
      change();
      drop();
      return record(1);
    });
    expect(await versionOf('lic_1')).toBe(2);
  });

  it('are read each time while changes may be missed', async () => {
    const { versionOf, change, lose } = start();
    await versionOf('lic_1');
    lose();
    change();
    expect(await versionOf('lic_1')).toBe(2);
    change();
    expect(await versionOf('lic_1')).toBe(3);
  });
});
