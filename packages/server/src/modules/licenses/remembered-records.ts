import type { LicenseRecord } from './record.ts';
import type { LicenseSnapshots } from './snapshots.ts';

/** Whole licences, which take a few kilobytes each; many more than are in use at a time. */
const MOST_RECORDS = 10_000;

/** Licences with everything that is known of them, for those who ask for the same ones again and again. */
export interface RememberedRecords {
  /** The licence under a name, its id or the mark of its key, or what `load` finds; null is never kept. */
  get(name: string, load: () => Promise<LicenseRecord | null>): Promise<LicenseRecord | null>;
}

/** Keeps what was read for as long as the snapshots may be trusted, and forgets a licence when they do. */
export function createRememberedRecords(snapshots: Pick<LicenseSnapshots, 'watch'>): RememberedRecords {
  const records = new Map<string, LicenseRecord>();
  const names = new Map<string, Set<string>>();
  const loading = new Set<Set<string>>();
  let losses = 0;
  const isTrusted = snapshots.watch({
    dropped(licenseId) {
      for (const overtaken of loading) overtaken.add(licenseId);
      for (const name of names.get(licenseId) ?? []) records.delete(name);
      names.delete(licenseId);
    },
    lost() {
      losses += 1;
      records.clear();
      names.clear();
    },
  });

  function keep(name: string, record: LicenseRecord): void {
    if (records.size >= MOST_RECORDS) {
      records.clear();
      names.clear();
    }
    records.set(name, record);
    const known = names.get(record.id) ?? new Set();
    names.set(record.id, known.add(name));
  }

  return {
    async get(name, load) {
      const known = isTrusted() ? records.get(name) : undefined;
      if (known !== undefined) return known;
      const overtaken = new Set<string>();
      loading.add(overtaken);
      const lossesBefore = losses;
      try {
        const record = await load();
        if (record !== null && isTrusted() && losses === lossesBefore && !overtaken.has(record.id)) keep(name, record);
        return record;
      } finally {
        loading.delete(overtaken);
      }
    },
  };
}
