import type { Database } from '../../db/database.ts';
import type { KeptLicense } from './kept-license.ts';
import { PackedLicenses } from './packed-licenses.ts';

export interface LicenseSnapshots {
  /** The cached licence, or what `load` finds; null is never kept. The address from which it was asked for is kept with it. */
  get(key: string, load: () => Promise<KeptLicense | null>, from?: string): Promise<KeptLicense | null>;
  /** The cached licence if it is there and may be trusted. */
  peek(key: string, from?: string): KeptLicense | undefined;
  /** The address from which a cached licence was last asked for, where one was given. */
  askedFrom(key: string): string | null;
  /** Forgets a licence: whoever asks next reads the database. */
  drop(licenseId: string): void;
  /** Tells of every licence that is forgotten, and when all are; answers whether what was heard may be trusted now. */
  watch(watcher: SnapshotWatcher): () => boolean;
  /** Starts to follow the notices of other processes; until then nothing is kept. */
  follow(database: Database): Promise<() => Promise<void>>;
}

/** Hears of what is forgotten, for others who remember something of licences. */
export interface SnapshotWatcher {
  dropped(licenseId: string): void;
  lost(): void;
}

/** A licence that does not fit among the others. */
interface SpecialLicense {
  license: KeptLicense;
  askedFrom: string | null;
}

/** About 220 bytes each. */
const LICENSES_IN_MEMORY = 1_000_000;
/** Licences with several machines, holds or terms of their own take several times as much, and are few. */
const SPECIAL_SHARE = 0.1;

/**
 * Keeps licences in memory for validation. Every transaction that changes a licence sends a notice with its commit; a notice
 * drops the licence here. A cache changes cost, never meaning: while notices may be missed nothing is kept or answered from it,
 * and a load that a notice overtook is answered but not kept. When it is full, one goes that was not asked for lately.
 */
export function createLicenseSnapshots(most = LICENSES_IN_MEMORY): LicenseSnapshots {
  const packed = new PackedLicenses(most);
  const mostSpecial = Math.ceil(most * SPECIAL_SHARE);
  const special = new Map<string, SpecialLicense>();
  const specialKeys = new Map<string, string>();
  const loading = new Set<Set<string>>();
  const watchers: SnapshotWatcher[] = [];
  let trusted = false;
  let losses = 0;

  function forget(licenseId: string): void {
    packed.delete(licenseId);
    const key = specialKeys.get(licenseId);
    if (key === undefined) return;
    specialKeys.delete(licenseId);
    special.delete(key);
  }

  function drop(licenseId: string): void {
    for (const overtaken of loading) overtaken.add(licenseId);
    for (const { dropped } of watchers) dropped(licenseId);
    forget(licenseId);
  }

  function dropAll(): void {
    trusted = false;
    losses += 1;
    for (const { lost } of watchers) lost();
    packed.clear();
    special.clear();
    specialKeys.clear();
  }

  function keep(key: string, license: KeptLicense): void {
    // Two loads of one licence may end one after the other.
    forget(license.id);
    if (packed.add(key, license)) return;
    const oldest = special.size < mostSpecial ? undefined : special.values().next().value;
    if (oldest !== undefined) forget(oldest.license.id);
    special.set(key, { license, askedFrom: null });
    specialKeys.set(license.id, key);
  }

  function peek(key: string, from?: string): KeptLicense | undefined {
    if (!trusted) return undefined;
    const plain = packed.get(key, from);
    if (plain !== undefined) return plain;
    const found = special.get(key);
    if (found !== undefined && from !== undefined) found.askedFrom = from;
    return found?.license;
  }

  return {
    peek,
    drop,
    watch(watcher) {
      watchers.push(watcher);
      return () => trusted;
    },
    askedFrom: (key) => (trusted ? (packed.askedFrom(key) ?? special.get(key)?.askedFrom ?? null) : null),
    async get(key, load, from) {
      const cached = peek(key, from);
      if (cached !== undefined) return cached;
      const overtaken = new Set<string>();
      loading.add(overtaken);
      const lossesBefore = losses;
      try {
        const license = await load();
        if (license !== null && trusted && losses === lossesBefore && !overtaken.has(license.id)) {
          keep(key, license);
          peek(key, from);
        }
        return license;
      } finally {
        loading.delete(overtaken);
      }
    },
    async follow(database) {
      const stop = await database.listen('latchkey_license', drop, {
        onLost: dropAll,
        onRestored() {
          trusted = true;
        },
      });
      trusted = true;
      return async () => {
        dropAll();
        await stop();
      };
    },
  };
}
