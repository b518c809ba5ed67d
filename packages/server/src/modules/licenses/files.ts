import {
  type Catalog,
  type Cryptography,
  type Decision,
  dayMs,
  type FileMachine,
  LatchkeyError,
  type LicenseFile,
  type LicenseSnapshot,
  matchMachine,
  validateLicense,
  writeLicenseFile,
} from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { Clock, Ids, Randomness } from '../../ports.ts';
import type { Signing } from '../signing/index.ts';
import type { LicenseAuditEntry } from './changes.ts';
import * as repository from './files-repository.ts';
import { findByKey } from './finding.ts';
import type { KeyKeeper } from './keys.ts';
import { asKept, type MachineInput } from './machines.ts';
import { policyOf, toSnapshot } from './policy.ts';
import type { LicenseReader } from './reading.ts';
import type { LicenseRecord } from './record.ts';
import type { LicenseService } from './service.ts';

/** How long after its end a file is still counted as out there: its reader's clock may be behind. */
export const FILE_END_TOLERANCE_MS = dayMs;

const NONCE_BYTES = 12;
/** Machines that a licence's file names. A licence with more is asked for the file of one machine. */
const MOST_MACHINES_NAMED = 250;

export interface FileOrder {
  key: string;
  product?: string | undefined;
  /** Left out: a file of the licence. Named: one that is good on this machine only. */
  machine?: Pick<MachineInput, 'fingerprint' | 'components'> | undefined;
  /** Left out: as long as the plan allows. */
  ttlDays?: number | undefined;
  /** Whether only who has the licence key (and is the machine) can read it. */
  encrypt: boolean;
}

export interface IssuedFile {
  id: string;
  certificate: string;
  keyId: string;
  issuedAt: number;
  /** null: never. */
  expiresAt: number | null;
  kind: LicenseFile['kind'];
  encrypted: boolean;
}

export interface FileAnswer {
  decision: Decision;
  license: LicenseRecord | null;
  /** null where the decision is a no. */
  file: IssuedFile | null;
}

export interface LicenseFilesOptions {
  catalog: Catalog;
  keys: KeyKeeper;
  signing: Pick<Signing, 'current'>;
  licenses: Pick<LicenseService, 'beginTerm'>;
  reader: Pick<LicenseReader, 'get'>;
  clock: Clock;
  ids: Ids;
  randomness: Randomness;
  cryptography: Cryptography;
  record(transaction: Transaction, entry: LicenseAuditEntry): Promise<unknown>;
}

export type LicenseFiles = ReturnType<typeof createLicenseFiles>;

/** Hands out signed files, with which a licence is verified without the server. */
export function createLicenseFiles(options: LicenseFilesOptions) {
  const { catalog, keys, signing, licenses, reader, clock, ids, randomness, cryptography, record } = options;

  function decide(license: LicenseRecord, { product, machine }: FileOrder): Decision {
    const presented = machine === undefined ? undefined : asKept(license.id, machine);
    return validateLicense(toSnapshot(license, catalog), { product, machine: presented }, clock.now().getTime());
  }

  async function write(transaction: Transaction, license: LicenseRecord, order: FileOrder): Promise<IssuedFile> {
    const now = clock.now();
    const { machines, ...facts } = toSnapshot(license, catalog);
    const kind = order.machine === undefined ? 'license' : 'machine';
    const file: Omit<LicenseFile, 'keyId'> = {
      id: ids.next('file'),
      issuedAt: now.getTime(),
      expiresAt: fileEnd(policyOf(catalog, license).offlineFileDays, order.ttlDays, now),
      kind,
      license: { id: license.id, ...facts },
      machines: order.machine === undefined ? everyMachine(license) : [oneMachine(license, machines, order, facts)],
    };
    const signer = signing.current();
    const licenseKey = keys.canonical(order.key);
    const encryption = order.encrypt ? { licenseKey, nonce: randomness.bytes(NONCE_BYTES) } : null;
    const certificate = writeLicenseFile(file, { signer, encryption }, cryptography);
    const { id, issuedAt, expiresAt } = file;
    await repository.insertFile(
      transaction.connection,
      {
        id,
        license_id: license.id,
        signing_key_id: signer.id,
        kind,
        fingerprint: order.machine?.fingerprint ?? null,
        issued_at: now,
        expires_at: expiresAt === null ? null : new Date(expiresAt),
      },
      new Date(issuedAt - FILE_END_TOLERANCE_MS),
    );
    await record(transaction, {
      action: 'license.file_issued',
      subjectType: 'license',
      subjectId: license.id,
      detail: { file: id, kind, signing_key: signer.id, expires_at: expiresAt, encrypted: order.encrypt },
    });
    return { id, certificate, keyId: signer.id, issuedAt, expiresAt, kind, encrypted: order.encrypt };
  }

  return {
    /**
     * Issues a file to whoever holds the key. A licence that is not in force, or not active on the named machine, gets the decision
     * and no file. A plan without offline files is `offline_files_not_offered`.
     */
    async issue(transaction: Transaction, order: FileOrder): Promise<FileAnswer> {
      const found = await findByKey(transaction, keys, order.key);
      if ('refusal' in found) return { decision: found.refusal, license: null, file: null };
      let { license } = found;
      let decision = decide(license, order);
      if (decision.valid && license.termBeginsWith === 'first_validation') {
        // Whoever works offline has begun to use the licence, and its file must say until when.
        await licenses.beginTerm(transaction, license.id);
        license = await reader.get(license.id, transaction.connection);
        decision = decide(license, order);
      }
      if (!decision.valid) return { decision, license, file: null };
      assertTermRuns(license);
      return { decision, license, file: await write(transaction, license, order) };
    },
  };
}

/** Until when a file is good: as long as was asked for, and the plan allows. */
function fileEnd(planDays: number | null, askedDays: number | undefined, now: Date): number | null {
  if (planDays === null) {
    throw new LatchkeyError('offline_files_not_offered', 'Its plan has no licence files (offline_file_days).');
  }
  const days = planDays === -1 ? askedDays : Math.min(planDays, askedDays ?? planDays);
  return days === undefined ? null : now.getTime() + days * dayMs;
}

/** A file of a licence that waits for its first activation would never end it. */
function assertTermRuns(license: LicenseRecord): void {
  if (license.termBeginsWith === null) return;
  throw new LatchkeyError(
    'license_state_conflict',
    'The term of this licence begins with its first activation. Activate a machine, and ask for its file.',
  );
}

function everyMachine({ activations }: LicenseRecord): FileMachine[] {
  if (activations.length > MOST_MACHINES_NAMED) {
    throw new LatchkeyError(
      'license_state_conflict',
      `A licence with more than ${MOST_MACHINES_NAMED} machines has a file for each machine. Name the machine.`,
      { path: 'machine' },
    );
  }
  return activations.map(({ id, fingerprint, components }) => ({ id, fingerprint, components: told(components) }));
}

/** The machine that asks, by the fingerprint it has today, though it may have been activated under another. */
function oneMachine(
  license: LicenseRecord,
  machines: LicenseSnapshot['machines'],
  { machine }: FileOrder,
  { machineMatching }: Pick<LicenseSnapshot, 'machineMatching'>,
): FileMachine {
  if (machine === undefined) throw new RangeError('no machine was named');
  const presented = asKept(license.id, machine);
  const match = matchMachine(machines, presented, machineMatching);
  const known =
    match.kind === 'known' ? license.activations.find((one) => one.fingerprint === match.fingerprint) : null;
  if (!known) throw new LatchkeyError('conflict', 'The machine was released at this moment. Try again.');
  const { fingerprint, components } = presented;
  return { id: known.id, fingerprint, components: told(components) ?? told(known.components) };
}

function told(components: Readonly<Record<string, string>>): FileMachine['components'] {
  return Object.keys(components).length === 0 ? null : components;
}
