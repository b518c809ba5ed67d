import type { LicenseSnapshot } from '@latchkey/core';
import { LRUCache } from 'lru-cache';
import type { Database } from '../../db/database.ts';
import type { ShortLicense } from './views.ts';

/** A licence as validation keeps it in memory. */
export interface CachedLicense {
  id: string;
  snapshot: LicenseSnapshot;
  /** The licence as an answer shows it, without its status, which depends on the time. */
  view: ShortLicense;
  /** The last answer that was made of it, for whoever asks the same again. */
  answered?: TimedAnswer | undefined;
}

/** An answer as it is sent, and from when and until when it stays the same. */
export interface TimedAnswer {
  product: string | undefined;
  machine: string | undefined;
  from: number;
  until: number;
  json: string;
}

export interface LicenseSnapshots {
  /** The cached licence, or what `load` finds; null is never kept. */
  get(key: string, load: () => Promise<CachedLicense | null>): Promise<CachedLicense | null>;
  /** The cached licence if it is there and may be trusted. */
  peek(key: string): CachedLicense | undefined;
  /** Forgets a licence: whoever asks next reads the database. */
  drop(licenseId: string): void;
  /** Starts to follow the notices of other processes; until then nothing is kept. */
  follow(database: Database): Promise<() => Promise<void>>;
}

const MOST_SNAPSHOTS = 200_000;

/**
 * Keeps licences in memory for validation. Every transaction that changes a licence sends a notice with its commit; a notice
 * drops the licence here. A cache changes cost, never meaning: while notices may be missed nothing is kept or answered from it,
 * and a load that a notice overtook is answered but not kept.
 */
export function createLicenseSnapshots(): LicenseSnapshots {
  const byKey = new LRUCache<string, CachedLicense>({ max: MOST_SNAPSHOTS });
  const keyOf = new Map<string, string>();
  const loading = new Set<Set<string>>();
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

  function keep(key: string, license: CachedLicense): void {
    if (byKey.size >= MOST_SNAPSHOTS) {
      const oldest = byKey.pop();
      if (oldest !== undefined) keyOf.delete(oldest.id);
    }
    byKey.set(key, license);
    keyOf.set(license.id, key);
  }

  return {
    peek: (key) => (trusted ? byKey.get(key) : undefined),
    drop,
    async get(key, load) {
      const cached = trusted ? byKey.get(key) : undefined;
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
