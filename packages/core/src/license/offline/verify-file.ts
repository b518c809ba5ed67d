import type { Cryptography } from '../../cryptography.ts';
import { minuteMs } from '../../time.ts';
import { type Reason, VALIDATION_CODES } from '../codes.ts';
import { digestComponents, type MachineComponents } from '../machine-matching.ts';
import { type LicenseSnapshot, type ValidationScope, validateLicense } from '../validate.ts';
import { type Envelope, openEnvelope } from './envelope.ts';
import { decryptContent, type LicenseFile, readLicenseFile } from './license-file.ts';
import { toInstant } from './reading.ts';
import type { RevocationList } from './revocation-list.ts';
import { judgeSignature, type PublicSigningKey, SIGNATURE_CODES } from './signing-key.ts';

/**
 * What a file itself may be refused for. The order is the precedence: the first that applies is the answer, and only a file that none
 * of them applies to is asked what it says of the licence.
 */
export const FILE_CODES = [
  'MALFORMED',
  ...SIGNATURE_CODES,
  'DECRYPTION_FAILED',
  'CLOCK_SET_BACK',
  'FILE_EXPIRED',
] as const;

/** Every code of a decision without the server, in its precedence: the file's own, then those that the server answers with. */
export const OFFLINE_CODES = [...FILE_CODES, ...VALIDATION_CODES.filter((code) => code !== 'MALFORMED')] as const;

export type OfflineCode = (typeof OFFLINE_CODES)[number];

/** How far a clock may be behind what was seen before it counts as set back: clocks are corrected, and differ between machines. */
export const CLOCK_TOLERANCE_MS = 5 * minuteMs;

/** What is asked of a licence file. */
export interface FileQuestion {
  /** The file as it was handed out. */
  certificate: string;
  /** The vendor's signing keys, as they are built into the software or were fetched from the server. */
  publicKeys: readonly PublicSigningKey[];
  /** Opens an encrypted file: the key as it was issued. */
  licenseKey?: string | undefined;
  /** The machine that asks; its components in clear. */
  machine?: { fingerprint: string; components?: Readonly<Record<string, string>> | undefined } | undefined;
  product?: string | undefined;
  entitlements?: readonly string[] | undefined;
  /** When the version that asks was released: what a plan that lets earlier versions work decides by. */
  releasedAt?: number | undefined;
  now: number;
  /** The `seenAt` of the decision before, as it was kept. */
  lastSeenAt?: number | undefined;
  /** As `readRevocationList` gave it. */
  revocations?: RevocationList | undefined;
}

/** One thing that was looked at: a licence's rule, or one of the file's own. */
export interface OfflineReason extends Omit<Reason, 'rule'> {
  rule: Reason['rule'] | 'file' | 'signature' | 'clock' | 'revocations';
}

/** The answer to "may this run?" without the server. `because` lists what was looked at, in order. */
export interface OfflineDecision {
  valid: boolean;
  code: OfflineCode;
  detail: string;
  because: OfflineReason[];
  /** What the file says; null until its signature was verified and it could be read. */
  file: LicenseFile | null;
  /** The latest moment that is known to have been. To be kept, and given as `lastSeenAt` the next time. */
  seenAt: number;
}

/** Decides by a licence file whether the licence is in force. Never throws for what a file, a key or a list may hold. */
export function verifyLicenseFile(question: FileQuestion, cryptography: Cryptography): OfflineDecision {
  const { now, lastSeenAt, revocations } = question;
  const seenAt = Math.max(now, lastSeenAt ?? now);
  const opened = openFile(question, cryptography);
  if ('code' in opened) return refuse(opened, { seenAt, file: null, because: [] });
  const { file } = opened;
  const because = [{ rule: 'signature', passed: true, detail: `Signed with the key ${file.keyId}.` } as const];
  const known = Math.max(seenAt, file.issuedAt, revocations?.issuedAt ?? file.issuedAt);
  const soFar = { file, seenAt: known, because };
  // What is known to have been is later than now, within the tolerance: that is the time to decide by.
  const refusal = judgeTime(file, now, known) ?? judgeRevocation(file, revocations);
  if (refusal !== null) return refuse(refusal, soFar);
  const decision = validateLicense(snapshotOf(file), scopeOf(question, file, cryptography), known);
  return { ...decision, because: [...because, stillGood(file), ...decision.because], file, seenAt: known };
}

interface Refusal {
  code: OfflineCode;
  rule: OfflineReason['rule'];
  detail: string;
}

function refuse(
  { code, rule, detail }: Refusal,
  { because, ...rest }: Pick<OfflineDecision, 'file' | 'seenAt' | 'because'>,
): OfflineDecision {
  return { valid: false, code, detail, because: [...because, { rule, passed: false, detail }], ...rest };
}

const NO_FILE = 'This is not a licence file, or it was changed on the way. It must be kept to the letter.';

function openFile(question: FileQuestion, cryptography: Cryptography): { file: LicenseFile } | Refusal {
  const { certificate, publicKeys, revocations, licenseKey, machine } = question;
  const envelope = openEnvelope(certificate, ['license', 'machine'], cryptography);
  if (envelope === null) return { code: 'MALFORMED', rule: 'file', detail: NO_FILE };
  const unsigned = judgeSignature(envelope, withoutRevoked(publicKeys, revocations), cryptography);
  if (unsigned !== null) return { ...unsigned, rule: 'signature' };
  const content = decryptContent(envelope, { licenseKey, fingerprint: machine?.fingerprint }, cryptography);
  if (content === null) return { code: 'DECRYPTION_FAILED', rule: 'file', detail: undecrypted(envelope) };
  const json = cryptography.text(content);
  const file = json === null ? null : readLicenseFile(json, envelope.purpose === 'machine' ? 'machine' : 'license');
  // The id outside chose the key; the one inside was signed.
  if (file?.keyId !== envelope.keyId) {
    return { code: 'MALFORMED', rule: 'file', detail: 'The file is signed, but not written as this version reads it.' };
  }
  return { file };
}

function withoutRevoked(
  publicKeys: readonly PublicSigningKey[],
  revocations: RevocationList | undefined,
): readonly PublicSigningKey[] {
  if (revocations === undefined || revocations.signingKeys.size === 0) return publicKeys;
  return publicKeys.map((key) => (revocations.signingKeys.has(key.id) ? { ...key, status: 'revoked' } : key));
}

function undecrypted({ purpose, algorithm }: Envelope): string {
  if (algorithm === 'base64+ed25519') return 'The file holds nothing that can be read.';
  return purpose === 'machine'
    ? 'The file is encrypted; it opens with the licence key and the fingerprint it was made for.'
    : 'The file is encrypted; it opens with its licence key.';
}

function judgeTime(file: LicenseFile, now: number, known: number): Refusal | null {
  if (now < known - CLOCK_TOLERANCE_MS) {
    const detail = `The clock says ${toInstant(now)}, but it has been ${toInstant(known)} already. Set it right.`;
    return { code: 'CLOCK_SET_BACK', rule: 'clock', detail };
  }
  if (file.expiresAt !== null && known >= file.expiresAt) {
    const detail = `The file was good until ${toInstant(file.expiresAt)}. Fetch a new one.`;
    return { code: 'FILE_EXPIRED', rule: 'file', detail };
  }
  return null;
}

/** A list tells nothing of a file that is newer: the licence was in force again when that was issued. */
function judgeRevocation(file: LicenseFile, revocations: RevocationList | undefined): Refusal | null {
  const withheld = revocations?.licenses.get(file.license.id);
  if (revocations === undefined || withheld === undefined || file.issuedAt > revocations.issuedAt) return null;
  const since = toInstant(withheld.since);
  return withheld.effect === 'revoke'
    ? { code: 'REVOKED', rule: 'revocations', detail: `Revoked since ${since}.` }
    : { code: 'SUSPENDED', rule: 'revocations', detail: `Suspended since ${since}.` };
}

function stillGood({ expiresAt }: LicenseFile): OfflineReason {
  const detail = expiresAt === null ? 'The file is good for ever.' : `The file is good until ${toInstant(expiresAt)}.`;
  return { rule: 'file', passed: true, detail };
}

/** The licence as validation takes it. A machine's file is a licence of that machine and no other. */
function snapshotOf({ kind, license, machines }: LicenseFile): LicenseSnapshot {
  const live = new Map<string, MachineComponents | null>();
  for (const { fingerprint, components } of machines) live.set(fingerprint, components);
  return kind === 'license'
    ? { ...license, machines: live }
    : { ...license, machines: live, maxMachines: live.size, requireMachine: true };
}

function scopeOf(
  { product, machine, entitlements, releasedAt }: FileQuestion,
  { license }: LicenseFile,
  cryptography: Cryptography,
): ValidationScope {
  const components =
    machine?.components === undefined ? undefined : digestComponents(license.id, machine.components, cryptography);
  return {
    product,
    machine: machine === undefined ? undefined : { fingerprint: machine.fingerprint, components },
    entitlements,
    releasedAt,
  };
}
