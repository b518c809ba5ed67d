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
import { createLicensePacker, type KeptLicense, unpack, viewOf } from './kept-license.ts';
import { createKeyLookup } from './key-lookup.ts';
import { type KeyKeeper, LONGEST_KEY } from './keys.ts';
import { asKept, type MachineInput } from './machines.ts';
import { statusOf, toSnapshot } from './policy.ts';
import { type PlainQuestion, readyAnswer } from './ready-answers.ts';
import type { LicenseRecord } from './record.ts';
import { createRememberedRecords } from './remembered-records.ts';
import * as repository from './repository.ts';
import type { LicenseSnapshots } from './snapshots.ts';
import type { ShortLicense } from './views.ts';

export interface ValidationAnswer extends Decision {
  license?: ShortLicense;
}

/** What is asked of a licence besides being in force. */
export interface ValidationQuestion extends Omit<ValidationScope, 'machine'> {
  /** Its components in clear. */
  machine?: Pick<MachineInput, 'fingerprint' | 'components'> | undefined;
}

export interface LicenseReaderOptions {
  database: Database;
  catalog: Catalog;
  keys: KeyKeeper;
  snapshots: LicenseSnapshots;
  clock: Clock;
  /** Lets the term of a licence run whose first validation this is, in a transaction of its own. */
  beginTerm(licenseId: string): Promise<void>;
  /** What a licence has available of a meter, in its steps. Asked only where a plan requires credit. */
  creditOf(license: Pick<LicenseRecord, 'id' | 'product'>, meter: string): Promise<number>;
}

export type LicenseReader = ReturnType<typeof createLicenseReader>;

/** Everything that reads licences: no transaction, and nothing changes, but that a first validation may begin a term. */
export function createLicenseReader(options: LicenseReaderOptions) {
  const { database, catalog, keys, snapshots, clock, beginTerm } = options;
  const lookUp = createKeyLookup(database.connection);
  const pack = createLicensePacker(catalog);
  const remembered = createRememberedRecords(snapshots);

  async function load(indexes: readonly Uint8Array[]): Promise<KeptLicense | null> {
    const record = await lookUp(indexes);
    return record === null ? null : pack(record);
  }

  async function decide(license: KeptLicense, question: ValidationQuestion): Promise<ValidationAnswer> {
    const { machine } = question;
    const scope = { ...question, machine: machine === undefined ? undefined : asKept(license.id, machine) };
    const snapshot = unpack(license);
    const now = clock.now().getTime();
    let decision = validateLicense(snapshot, scope, now);
    // A balance changes with every use, so it is no part of what is kept in memory; and a licence that is refused needs none.
    if (decision.valid && snapshot.requireCredit != null) {
      const credit = await options.creditOf({ id: license.id, product: snapshot.product }, snapshot.requireCredit);
      decision = validateLicense(snapshot, { ...scope, credit }, now);
    }
    return { ...decision, license: viewOf(license) };
  }

  /** Decides, and where this is the first use that a term waits for, lets it run and decides again. */
  async function decideAndBegin(
    license: KeptLicense,
    question: ValidationQuestion,
    again: () => Promise<KeptLicense | null>,
  ): Promise<ValidationAnswer> {
    const answer = await decide(license, question);
    if (!answer.valid || license.termBeginsWith !== 'first_validation') return answer;
    await beginTerm(license.id);
    const begun = await again();
    return begun === null ? answer : decide(begun, question);
  }

  return {
    /** Whether the key is in force for what is asked, from this address. Always an answer, never an error. */
    async validate(text: string, question: ValidationQuestion, from?: string): Promise<ValidationAnswer> {
      if (text.length > LONGEST_KEY) return refuseUnknownKey('MALFORMED');
      const key = keys.canonical(text);
      const read = () => snapshots.get(keys.mark(key), () => load(keys.indexes(key)), from);
      const license = await read();
      if (license === null) return refuseUnknownKey(keys.classify(key));
      return decideAndBegin(license, question, read);
    },

    /**
     * What `validate` answers, as JSON, when the licence is in memory and nothing has to be written; else null. The hot path. A key that
     * is not written as it is stored is not found here.
     */
    validateFromMemory({ key, product, fingerprint }: PlainQuestion, from?: string): string | null {
      const license = snapshots.peek(keys.mark(key), from);
      if (license === undefined || license.termBeginsWith === 'first_validation') return null;
      if (license.kind.requireCredit != null) return null;
      return readyAnswer(license, product, fingerprint, clock.now().getTime());
    },

    /** The address from which this key was last validated, as far as this process remembers; a change of the licence makes it forget. */
    lastAskedFrom(text: string): string | null {
      return text.length > LONGEST_KEY ? null : snapshots.askedFrom(keys.mark(keys.canonical(text)));
    },

    /** The licence behind a key, or null. */
    async findByKey(text: string): Promise<LicenseRecord | null> {
      if (text.length > LONGEST_KEY) return null;
      return repository.findByKeyIndex(database.connection, keys.indexes(keys.canonical(text)));
    },

    /** As `findByKey`, from memory where it is there and no change was heard of: for calls that come thousands a second. */
    async recallByKey(text: string): Promise<LicenseRecord | null> {
      if (text.length > LONGEST_KEY) return null;
      const key = keys.canonical(text);
      return remembered.get(`key ${keys.mark(key)}`, () => lookUp(keys.indexes(key)));
    },

    /** As `find`, in the same way. */
    recall: (id: string): Promise<LicenseRecord | null> =>
      remembered.get(id, () => repository.findById(database.connection, id)),

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

    /** The features and limits that a licence gives, its plan's and its own. */
    granted(record: LicenseRecord): { entitlements: string[]; limits: Record<string, number> } {
      const { entitlements, limits } = toSnapshot(record, catalog);
      return { entitlements: [...entitlements], limits: { ...limits } };
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
