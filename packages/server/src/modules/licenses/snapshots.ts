import type { Database } from '../../db/database.ts';
import type { KeptLicense } from './kept-license.ts';
import { ShardedMap } from './sharded-map.ts';

export interface LicenseSnapshots {
  /** The cached licence, or what `load` finds; null is never kept. */
  get(key: string, load: () => Promise<KeptLicense | null>): Promise<KeptLicense | null>;
  /** The cached licence if it is there and may be trusted. */
  peek(key: string): KeptLicense | undefined;
  /** Forgets a licence: whoever asks next reads the database. */
  drop(licenseId: string): void;
  /** Starts to follow the notices of other processes; until then nothing is kept. */
  follow(database: Database): Promise<() => Promise<void>>;
}

/** About 350 bytes each. */
export const DEFAULT_LICENSES_IN_MEMORY = 1_000_000;
/** How many licences are looked at for one that nobody asked for lately, before one has to go all the same. */
const MOST_LOOKS = 32;

/**
 * Keeps licences in memory for validation. Every transaction that changes a licence sends a notice with its commit; a notice
 * drops the licence here. A cache changes cost, never meaning: while notices may be missed nothing is kept or answered from it,
 * and a load that a notice overtook is answered but not kept. When it is full, one goes that was not asked for lately.
 */
export function createLicenseSnapshots(most = DEFAULT_LICENSES_IN_MEMORY): LicenseSnapshots {
  const byKey = new ShardedMap<KeptLicense>();
  const keyOf = new ShardedMap<string>();
  const loading = new Set<Set<string>>();
  let oldest = byKey.entries();
  let trusted = false;
  let losses = 0;

  function drop(licenseId: string): void {
    for (const overtaken of loading) overtaken.add(licenseId);
    const key = keyOf.get(licenseId);
    if (key === undefined) return;
    keyOf.delete(licenseId);
    byKey.delete(key);
  }

  function dropAll(): void {
    trusted = false;
    losses += 1;
    byKey.clear();
    keyOf.clear();
  }

  // A hand that goes round: whom it finds asked for it leaves, and takes the mark.
  function makeRoom(): void {
    for (let looks = 1; byKey.size > 0; ) {
      const { value, done } = oldest.next();
      if (done === true) {
        oldest = byKey.entries();
        continue;
      }
      const [key, license] = value;
      if (license.asked && looks < MOST_LOOKS) {
        license.asked = false;
        looks += 1;
        continue;
      }
      byKey.delete(key);
      keyOf.delete(license.id);
      return;
    }
  }

  function keep(key: string, license: KeptLicense): void {
    // Two loads of one licence may end one after the other.
    if (byKey.get(key) === undefined && byKey.size >= most) makeRoom();
    byKey.set(key, license);
    keyOf.set(license.id, key);
  }

  function peek(key: string): KeptLicense | undefined {
    const license = trusted ? byKey.get(key) : undefined;
    if (license !== undefined && !license.asked) license.asked = true;
    return license;
  }

  return {
    peek,
    drop,
    async get(key, load) {
      const cached = peek(key);
      if (cached !== undefined) return cached;
      const overtaken = new Set<string>();
      loading.add(overtaken);
      const lossesBefore = losses;
      try {
        const license = await load();
        if (license !== null && trusted && losses === lossesBefore && !overtaken.has(license.id)) keep(key, license);
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
