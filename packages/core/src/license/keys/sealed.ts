import { type Cryptography, type KeySecret, toHex } from '../../cryptography.ts';
import { dayMs } from '../../time.ts';
import { fromGroups, parseGroups, toGroups } from './base32-groups.ts';
import { freshBytes, type KeyMaterial, type LicenseKeyScheme } from './scheme.ts';

const TAG_BYTES = 8;
const FACT_BYTES = 5;
const ID_BYTES = 7;
const PLAIN_BYTES = FACT_BYTES + ID_BYTES;
const VERSION = 1;
/** 2020-01-01, from where 15 bits of days reach to September 2109. */
const FIRST_DAY = Date.UTC(2020, 0, 1) / dayMs;
const DAYS = 2 ** 15;

/** What a sealed key says. Days are counted from 1970-01-01 in UTC. */
export interface SealedPayload {
  /** Which plan, as `sealedType` writes it. */
  type: number;
  issuedDay: number;
  /** The day in which it ends; null never. */
  expiryDay: number | null;
  /** 56 random bits in hexadecimal. */
  id: string;
}

/** A scheme of keys that carry facts which only the secret's holder can read. */
export interface SealedScheme extends LicenseKeyScheme {
  /** What a canonical key says, opened by the secret that sealed it; null when none of these did. */
  open(key: string, secrets: readonly KeySecret[], cryptography: Cryptography): SealedPayload | null;
}

/**
 * `sealed`: a prefix and four groups of eight characters of Crockford's base32, such as
 * `CO-XXXXXXXX-XXXXXXXX-XXXXXXXX-XXXXXXXX`: 20 bytes that carry an encrypted and authenticated payload under a 32-byte secret.
 * Demanded by the crypto-orchestrator reference document, "License Key Format".
 *
 * The payload is 12 bytes: version (2 bits), type of the plan (8), days of issue and expiry (15 each), a random id (56). It is
 * sealed in the manner of SIV (RFC 5297) with HMAC-SHA-256 in the place of AES: the first 8 bytes are the HMAC of the payload
 * under one key derived from the secret; they are tag and initialization vector at once, and the HMAC of them under another
 * derived key is the stream that hides the payload.
 *
 * The margin: a forgery passes with a probability of 2^-64 a try, and a try can only be made against the server, which counts
 * failures. Without the secret a key tells nothing, not even whether two keys are of one plan, until two tags are equal: that is
 * likely from 2^32 keys under one secret on, and shows of those two payloads how they differ and of the secret nothing. With a million
 * keys the odds of it are one to 37 million. A renewed licence keeps its key, so what it says is how it was issued; the
 * stored record decides what is valid.
 */
export function sealedKeys(prefix: string | null): SealedScheme {
  function open(key: string, secrets: readonly KeySecret[], cryptography: Cryptography): SealedPayload | null {
    const bytes = fromGroups(key, prefix);
    const tag = bytes.subarray(0, TAG_BYTES);
    let opened: SealedPayload | null = null;
    for (const secret of secrets) {
      const keys = deriveKeys(secret, cryptography);
      const plain = mask(bytes.subarray(TAG_BYTES), tag, keys, cryptography);
      if (cryptography.equal(tag, tagOf(plain, keys, cryptography))) opened = readPayload(plain) ?? opened;
    }
    return opened;
  }

  return {
    name: 'sealed',
    variesBy: 'salt',
    forgiving: true,
    parse: (text) => parseGroups(text, prefix, TAG_BYTES + PLAIN_BYTES),

    generate(material, secret, cryptography) {
      const keys = deriveKeys(secret, cryptography);
      const plain = writePayload(material, cryptography);
      const tag = tagOf(plain, keys, cryptography);
      const bytes = new Uint8Array(TAG_BYTES + PLAIN_BYTES);
      bytes.set(tag);
      bytes.set(mask(plain, tag, keys, cryptography), TAG_BYTES);
      return toGroups(prefix, bytes);
    },

    verify: (key, secrets, cryptography) => open(key, secrets, cryptography) !== null,
    open,
  };
}

/**
 * A plan's id in eight bits: the first byte of its SHA-512. It stays the same when plans are added or moved, and two plans may
 * share one: it is a hint to a reader who has the secret and no store.
 */
export function sealedType(plan: string, cryptography: Cryptography): number {
  return cryptography.sha512(cryptography.utf8(plan))[0] ?? 0;
}

interface SealingKeys {
  authentication: Uint8Array;
  encryption: Uint8Array;
}

function deriveKeys(secret: KeySecret, cryptography: Cryptography): SealingKeys {
  return {
    authentication: cryptography.hmacSha256(secret.bytes, cryptography.utf8('sealed license key: authentication')),
    encryption: cryptography.hmacSha256(secret.bytes, cryptography.utf8('sealed license key: encryption')),
  };
}

function tagOf(plain: Uint8Array, keys: SealingKeys, cryptography: Cryptography): Uint8Array {
  return cryptography.hmacSha256(keys.authentication, plain).subarray(0, TAG_BYTES);
}

/** Hides the payload, and shows it again: the same twice is none. */
function mask(bytes: Uint8Array, tag: Uint8Array, keys: SealingKeys, cryptography: Cryptography): Uint8Array {
  const stream = cryptography.hmacSha256(keys.encryption, tag);
  return bytes.map((byte, index) => byte ^ (stream[index] ?? 0));
}

function writePayload(material: KeyMaterial, cryptography: Cryptography): Uint8Array {
  const { plan, issuedAt, expiresAt } = material;
  const type = sealedType(plan, cryptography);
  // A day beyond what fits becomes the last that does: a key may promise too little to its reader, and never too much.
  const expiry = expiresAt === null ? 0 : Math.max(dayNumber(expiresAt), 1);
  const facts = ((VERSION * 256 + type) * DAYS + dayNumber(issuedAt)) * DAYS + expiry;
  const plain = new Uint8Array(PLAIN_BYTES);
  for (let index = 0; index < FACT_BYTES; index += 1)
    plain[index] = Math.floor(facts / 256 ** (FACT_BYTES - 1 - index));
  plain.set(freshBytes(material, ID_BYTES), FACT_BYTES);
  return plain;
}

function readPayload(plain: Uint8Array): SealedPayload | null {
  let facts = 0;
  for (const byte of plain.subarray(0, FACT_BYTES)) facts = facts * 256 + byte;
  const expiry = facts % DAYS;
  const issued = Math.floor(facts / DAYS) % DAYS;
  const kind = Math.floor(facts / DAYS ** 2);
  if (Math.floor(kind / 256) !== VERSION) return null;
  return {
    type: kind % 256,
    issuedDay: FIRST_DAY + issued,
    expiryDay: expiry === 0 ? null : FIRST_DAY + expiry,
    id: toHex(plain.subarray(FACT_BYTES)),
  };
}

function dayNumber(instant: number): number {
  return Math.min(Math.max(Math.floor(instant / dayMs) - FIRST_DAY, 0), DAYS - 1);
}
