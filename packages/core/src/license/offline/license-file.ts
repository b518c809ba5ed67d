/** Licence files: what they say, how it is written, and how it is read once their signature was verified. */

import type { Cryptography } from '../../cryptography.ts';
import { secondMs } from '../../time.ts';
import type { MachineComponents } from '../machine-matching.ts';
import type { Hold } from '../state.ts';
import type { LicenseSnapshot } from '../validate.ts';
import { fromBase64, fromBase64Bytes, toBase64 } from './base64.ts';
import { type Envelope, sealEnvelope } from './envelope.ts';
import {
  asObject,
  flagAt,
  instantAt,
  instantOrNullAt,
  type JsonObject,
  listAt,
  numberAt,
  objectAt,
  oneOfAt,
  readJson,
  recordAt,
  textAt,
  textOrNullAt,
  toInstant,
  toInstantOrNull,
  UnreadableContent,
} from './reading.ts';
import type { Signer } from './signing-key.ts';

/** A machine that holds a seat, as a file names it. */
export interface FileMachine {
  /** The activation's id. */
  id: string;
  fingerprint: string;
  /** As digests; null where the machine told none. */
  components: MachineComponents | null;
}

/** A licence as a file carries it: everything that a validation without the server decides by. */
export interface FileLicense extends Omit<LicenseSnapshot, 'machines'> {
  id: string;
}

/** What a licence file says. Instants are milliseconds since the epoch. */
export interface LicenseFile {
  id: string;
  /** The key that signs it. */
  keyId: string;
  issuedAt: number;
  /** null: never. The licence's own end is its own. */
  expiresAt: number | null;
  /** `machine`: the file is good on one machine only, the only one in `machines`. */
  kind: 'license' | 'machine';
  license: FileLicense;
  /** Those that hold a seat, at the time of issue. */
  machines: readonly FileMachine[];
}

/** What a file is encrypted for: who lacks the licence key (and the fingerprint, for a machine's file) cannot read it. */
export interface FileEncryption {
  /** In its canonical form, as it was issued. */
  licenseKey: string;
  /** 12 random bytes. */
  nonce: Uint8Array;
}

/** Writes and signs a file, in the armour in which it is handed out. */
export function writeLicenseFile(
  file: Omit<LicenseFile, 'keyId'>,
  { signer, encryption }: { signer: Signer; encryption: FileEncryption | null },
  cryptography: Cryptography,
): string {
  const { kind } = file;
  const plain = cryptography.utf8(JSON.stringify(contentOf({ ...file, keyId: signer.id })));
  if (encryption === null) {
    return sealEnvelope({ purpose: kind, text: toBase64(plain), algorithm: 'base64+ed25519' }, signer, cryptography);
  }
  const key = fileKey(encryption.licenseKey, kind === 'machine' ? boundTo(file).fingerprint : null, cryptography);
  const { ciphertext, tag } = cryptography.sealAes256Gcm(key, encryption.nonce, plain);
  const text = [ciphertext, encryption.nonce, tag].map(toBase64).join('.');
  return sealEnvelope({ purpose: kind, text, algorithm: 'aes-256-gcm+ed25519' }, signer, cryptography);
}

/** What opens an encrypted file. */
export interface FileOpener {
  licenseKey?: string | undefined;
  fingerprint?: string | undefined;
}

/** The content of an envelope as bytes; null when it is encrypted and this does not open it, or is no content. */
export function decryptContent(envelope: Envelope, opener: FileOpener, cryptography: Cryptography): Uint8Array | null {
  if (envelope.algorithm === 'base64+ed25519') return fromBase64Bytes(envelope.text);
  const { licenseKey, fingerprint } = opener;
  if (licenseKey === undefined || (envelope.purpose === 'machine' && fingerprint === undefined)) return null;
  const parts = (cryptography.text(envelope.text) ?? '').split('.').map(fromBase64);
  const [ciphertext, nonce, tag] = parts;
  if (parts.length !== 3 || !ciphertext || !nonce || !tag) return null;
  const bound = envelope.purpose === 'machine' ? (fingerprint ?? null) : null;
  const key = fileKey(licenseKey.replace(/\s+/g, ''), bound, cryptography);
  return cryptography.openAes256Gcm(key, nonce, { ciphertext, tag });
}

/** What the content says; null where it is not the content of such a file. */
export function readLicenseFile(content: string, kind: LicenseFile['kind']): LicenseFile | null {
  return readJson(content, (json) => {
    const meta = objectAt(json, 'meta');
    const { licenses, machines, entitlements } = sort([
      objectAt(json, 'data'),
      ...listAt(json, 'included').map(asObject),
    ]);
    const [license, another] = licenses;
    if (license === undefined || another !== undefined) throw new UnreadableContent('not one licence');
    if (kind === 'machine' && machines.length !== 1) throw new UnreadableContent('not one machine');
    if (objectAt(json, 'data').type !== `${kind}s`) throw new UnreadableContent('of another kind');
    return {
      id: textAt(meta, 'file'),
      keyId: textAt(meta, 'kid'),
      issuedAt: instantAt(meta, 'issued'),
      expiresAt: instantOrNullAt(meta, 'expiry'),
      kind,
      license: readLicense(license, entitlements),
      machines,
    };
  });
}

/** The resources of a file by their type; those of another version's types are passed over. */
function sort(resources: readonly JsonObject[]) {
  const licenses: JsonObject[] = [];
  const machines: FileMachine[] = [];
  const entitlements = new Set<string>();
  for (const resource of resources) {
    if (resource.type === 'licenses') licenses.push(resource);
    else if (resource.type === 'machines') machines.push(readMachine(resource));
    else if (resource.type === 'entitlements') entitlements.add(textAt(objectAt(resource, 'attributes'), 'code'));
  }
  return { licenses, machines, entitlements };
}

/** The AES key of a file: SHA-256 of the licence key, followed by the fingerprint of the machine a file is bound to. */
function fileKey(licenseKey: string, fingerprint: string | null, cryptography: Cryptography): Uint8Array {
  return cryptography.sha256(cryptography.utf8(licenseKey + (fingerprint ?? '')));
}

function boundTo({ machines }: Pick<LicenseFile, 'machines'>): FileMachine {
  const [machine, another] = machines;
  if (machine === undefined || another !== undefined) throw new RangeError("A machine's file names one machine.");
  return machine;
}

function contentOf(file: LicenseFile) {
  const { license, expiresAt, issuedAt, machines } = file;
  const meta = {
    issued: toInstant(issuedAt),
    expiry: toInstantOrNull(expiresAt),
    ttl: expiresAt === null ? null : Math.floor((expiresAt - issuedAt) / secondMs),
    kid: file.keyId,
    file: file.id,
  };
  const entitlements = [...license.entitlements].map((code) => ({
    id: code,
    type: 'entitlements',
    attributes: { code },
  }));
  if (file.kind === 'license') {
    return { meta, data: licenseResource(license), included: [...entitlements, ...machines.map(machineResource)] };
  }
  const relationships = { license: { data: { type: 'licenses', id: license.id } } };
  const data = { ...machineResource(boundTo(file)), relationships };
  return { meta, data, included: [licenseResource(license), ...entitlements] };
}

function licenseResource(license: FileLicense) {
  const { policy } = license;
  return {
    id: license.id,
    type: 'licenses',
    attributes: {
      product: license.product,
      plan: license.plan,
      startsAt: toInstant(license.startsAt),
      expiry: toInstantOrNull(license.expiresAt),
      termBeginsWith: license.termBeginsWith,
      coverage: license.coverage,
      holds: license.holds.map((hold) => ({ ...hold, effectiveAt: toInstant(hold.effectiveAt) })),
      expiryStrategy: policy.expiryStrategy,
      graceMs: policy.graceMs,
      termGraceMs: policy.termGraceMs,
      keepWhenUnpaid: policy.keepWhenUnpaid === true,
      expiringWithinMs: policy.expiringWithinMs,
      maxMachines: license.maxMachines,
      machineMatching: license.machineMatching,
      requireProduct: license.requireProduct,
      requireMachine: license.requireMachine,
      limits: license.limits,
    },
  };
}

function machineResource({ id, fingerprint, components }: FileMachine) {
  return { id, type: 'machines', attributes: { fingerprint, components } };
}

function readLicense(resource: JsonObject, entitlements: ReadonlySet<string>): FileLicense {
  const attributes = objectAt(resource, 'attributes');
  const waitsFor = attributes.termBeginsWith;
  return {
    id: textAt(resource, 'id'),
    product: textAt(attributes, 'product'),
    plan: textAt(attributes, 'plan'),
    startsAt: instantAt(attributes, 'startsAt'),
    expiresAt: instantOrNullAt(attributes, 'expiry'),
    termBeginsWith: waitsFor === null ? null : oneOfAt(attributes, 'termBeginsWith', FIRST_USES),
    coverage: oneOfAt(attributes, 'coverage', COVERAGES),
    holds: listAt(attributes, 'holds').map((hold) => readHold(asObject(hold))),
    maxMachines: numberAt(attributes, 'maxMachines'),
    machineMatching: oneOfAt(attributes, 'machineMatching', MATCHINGS),
    requireProduct: flagAt(attributes, 'requireProduct'),
    requireMachine: flagAt(attributes, 'requireMachine'),
    entitlements,
    limits: recordAt(attributes, 'limits', numberAt),
    policy: {
      graceMs: numberAt(attributes, 'graceMs'),
      expiringWithinMs: numberAt(attributes, 'expiringWithinMs'),
      keepWhenUnpaid: flagAt(attributes, 'keepWhenUnpaid'),
      termGraceMs: numberAt(attributes, 'termGraceMs'),
      expiryStrategy: oneOfAt(attributes, 'expiryStrategy', STRATEGIES),
    },
  };
}

const FIRST_USES = ['first_validation', 'first_activation'] as const;
const COVERAGES = ['term', 'renewing', 'past_due', 'ended'] as const;
const MATCHINGS = ['any', 'two', 'most', 'all'] as const;
const STRATEGIES = ['restrict', 'revoke', 'maintain', 'allow'] as const;

function readHold(hold: JsonObject): Hold {
  return {
    cause: oneOfAt(hold, 'cause', ['payment', 'cancel', 'refund', 'dispute', 'admin']),
    effect: oneOfAt(hold, 'effect', ['suspend', 'revoke']),
    effectiveAt: instantAt(hold, 'effectiveAt'),
    reason: textOrNullAt(hold, 'reason'),
  };
}

function readMachine(resource: JsonObject): FileMachine {
  const attributes = objectAt(resource, 'attributes');
  return {
    id: textAt(resource, 'id'),
    fingerprint: textAt(attributes, 'fingerprint'),
    components: attributes.components === null ? null : recordAt(attributes, 'components', textAt),
  };
}
