import {
  type Catalog,
  type Decision,
  LatchkeyError,
  type LicenseStatus,
  refuseUnknownKey,
  type ValidationScope,
  validateLicense,
} from '@latchkey/core';
import type { Connection, Database } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import { type KeyKeeper, LONGEST_KEY } from './keys.ts';
import { type LicenseRecord, statusOf, toSnapshot } from './record.ts';
import * as repository from './repository.ts';
import type { CachedLicense, LicenseSnapshots } from './snapshots.ts';
import { nextTurn } from './turns.ts';
import { type ShortLicense, shortView } from './views.ts';

export interface ValidationAnswer extends Decision {
  license?: ShortLicense;
}

export interface LicenseReaderOptions {
  database: Database;
  catalog: Catalog;
  keys: KeyKeeper;
  snapshots: LicenseSnapshots;
  clock: Clock;
}

export type LicenseReader = ReturnType<typeof createLicenseReader>;

/** Everything that reads licences: no transaction, nothing changes. */
export function createLicenseReader({ database, catalog, keys, snapshots, clock }: LicenseReaderOptions) {
  async function load(indexes: readonly Uint8Array[]): Promise<CachedLicense | null> {
    const record = await repository.findByKeyIndex(database.connection, indexes);
    if (record === null) return null;
    return { id: record.id, snapshot: toSnapshot(record, catalog), view: shortView(record) };
  }

  function decide(license: CachedLicense, scope: ValidationScope): ValidationAnswer {
    const decision = validateLicense(license.snapshot, scope, clock.now().getTime());
    return { ...decision, license: license.view };
  }

  /** Programs ask the same again and again, and between two turns of a licence's time the answer is the same to the letter. */
  function answerInTime(license: CachedLicense, { product, machine }: ValidationScope): string {
    const now = clock.now().getTime();
    const last = license.answered;
    if (
      last !== undefined &&
      last.from <= now &&
      now < last.until &&
      last.product === product &&
      last.machine === machine
    )
      return last.json;
    const decision = validateLicense(license.snapshot, { product, machine }, now);
    const json = JSON.stringify({ ...decision, license: license.view });
    license.answered = { product, machine, json, from: now, until: nextTurn(license.snapshot, now) };
    return json;
  }

  return {
    /** Whether the key is in force for what `scope` asks. Always an answer, never an error. */
    validate(text: string, scope: ValidationScope): ValidationAnswer | Promise<ValidationAnswer> {
      if (text.length > LONGEST_KEY) return refuseUnknownKey('MALFORMED');
      const key = keys.canonical(text);
      const mark = keys.mark(key);
      const cached = snapshots.peek(mark);
      if (cached !== undefined) return decide(cached, scope);
      return snapshots
        .get(mark, () => load(keys.indexes(key)))
        .then((license) => (license === null ? refuseUnknownKey(keys.classify(key)) : decide(license, scope)));
    },

    /** What `validate` answers, as JSON, when the licence is in memory; else null. The hot path. */
    validateFromMemory(text: string, scope: ValidationScope): string | null {
      if (text.length > LONGEST_KEY) return null;
      const cached = snapshots.peek(keys.mark(keys.canonical(text)));
      if (cached === undefined) return null;
      if (scope.entitlements !== undefined) return JSON.stringify(decide(cached, scope));
      return answerInTime(cached, scope);
    },

    /** The licence behind a key, or null. */
    async findByKey(text: string): Promise<LicenseRecord | null> {
      if (text.length > LONGEST_KEY) return null;
      return repository.findByKeyIndex(database.connection, keys.indexes(keys.canonical(text)));
    },

    findByOrigin: (connection: Connection, origin: string) => repository.findByOrigin(connection, origin),
    findBySubscription: (connection: Connection, subscriptionId: string) =>
      repository.findBySubscription(connection, subscriptionId),

    find: (id: string, connection: Connection = database.connection) => repository.findById(connection, id),

    /** The licence; `resource_missing` when there is none. */
    async get(id: string, connection: Connection = database.connection): Promise<LicenseRecord> {
      const record = await repository.findById(connection, id);
      if (record === null) throw new LatchkeyError('resource_missing', `There is no licence ${id}.`);
      return record;
    },

    /** The licence's key in clear: for its owner's eyes, for mail, and for nothing else. */
    async keyOf(id: string, connection: Connection = database.connection): Promise<string | null> {
      const sealed = await repository.readSealedKey(connection, id);
      return sealed === null ? null : keys.open(id, sealed);
    },

    list: (filter: repository.LicenseFilter, page: { limit: number; after: { createdAt: Date; id: string } | null }) =>
      repository.listLicenses(database.connection, catalog, filter, page, clock.now()),

    /** Totals by status at this moment. */
    async statistics(filter: { product?: string | undefined } = {}): Promise<LicenseStatistics> {
      const counts = await repository.countByStatus(database.connection, catalog, filter, clock.now());
      const of = (status: LicenseStatus) => counts.get(status) ?? 0;
      let total = 0;
      for (const count of counts.values()) total += count;
      return {
        total,
        active: of('active') + of('grace'),
        grace: of('grace'),
        expired: of('expired'),
        suspended: of('suspended'),
        revoked: of('revoked'),
        notStarted: of('not_started'),
      };
    },

    status: (record: LicenseRecord): LicenseStatus => statusOf(record, catalog, clock.now()),
  };
}

/** Licences by status. `active` counts those in grace as well, for they work. */
export interface LicenseStatistics {
  total: number;
  active: number;
  grace: number;
  expired: number;
  suspended: number;
  revoked: number;
  notStarted: number;
}
