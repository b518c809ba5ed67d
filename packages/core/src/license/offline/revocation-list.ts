/** The signed list of what files alone cannot know: licences that were withheld since, and signing keys that were taken back. */

import type { Cryptography } from '../../cryptography.ts';
import { secondMs } from '../../time.ts';
import type { HoldEffect } from '../state.ts';
import { fromBase64Bytes, toBase64 } from './base64.ts';
import { openEnvelope, sealEnvelope } from './envelope.ts';
import { asObject, flagAt, instantAt, listAt, objectAt, oneOfAt, readJson, textAt, toInstant } from './reading.ts';
import { judgeSignature, type PublicSigningKey, type SignatureCode, type Signer } from './signing-key.ts';

/** Since when, and how, a licence is withheld. */
export interface Withheld {
  effect: HoldEffect;
  since: number;
}

export interface RevocationList {
  /** When what it says was read. */
  issuedAt: number;
  /** From when it says too little to be relied upon. What it names stays named. */
  expiresAt: number;
  /** Whether every licence is named that must be. A list is cut at its oldest entries rather than grow without bound. */
  complete: boolean;
  /** By the licence's id. */
  licenses: ReadonlyMap<string, Withheld>;
  /** Ids of the signing keys that count for nothing. */
  signingKeys: ReadonlySet<string>;
}

/** Writes and signs a list. */
export function writeRevocationList(list: RevocationList, signer: Signer, cryptography: Cryptography): string {
  const { issuedAt, expiresAt, complete, licenses, signingKeys } = list;
  const content = {
    meta: {
      issued: toInstant(issuedAt),
      expiry: toInstant(expiresAt),
      ttl: Math.floor((expiresAt - issuedAt) / secondMs),
      kid: signer.id,
    },
    data: {
      complete,
      licenses: [...licenses].map(([id, { effect, since }]) => ({ id, effect, since: toInstant(since) })),
      signingKeys: [...signingKeys],
    },
  };
  const text = toBase64(cryptography.utf8(JSON.stringify(content)));
  return sealEnvelope({ purpose: 'revocations', text, algorithm: 'base64+ed25519' }, signer, cryptography);
}

/** What became of reading a list. */
export type RevocationListReading =
  | { valid: true; list: RevocationList }
  /** `LIST_EXPIRED`: genuine, and out of date. It still names what it names; whether that is enough is the program's choice. */
  | { valid: false; code: 'LIST_EXPIRED'; detail: string; list: RevocationList }
  | { valid: false; code: 'MALFORMED' | SignatureCode; detail: string; list: null };

/**
 * Reads a list once its signature was verified. A list that takes back the very key it is signed with is refused: whoever stole that
 * key could have made it.
 */
export function readRevocationList(
  { certificate, publicKeys, now }: { certificate: string; publicKeys: readonly PublicSigningKey[]; now: number },
  cryptography: Cryptography,
): RevocationListReading {
  const envelope = openEnvelope(certificate, ['revocations'], cryptography);
  if (envelope === null) return malformed('This is not a revocation list, or it was changed on the way.');
  const refusal = judgeSignature(envelope, publicKeys, cryptography);
  if (refusal !== null) return { valid: false, ...refusal, list: null };
  const bytes = fromBase64Bytes(envelope.text);
  const json = bytes === null ? null : cryptography.text(bytes);
  const content = json === null ? null : readContent(json);
  if (content?.keyId !== envelope.keyId || content.list.signingKeys.has(content.keyId)) {
    return malformed('The list is signed, but not written as this version reads it.');
  }
  const { list } = content;
  if (now < list.expiresAt) return { valid: true, list };
  const detail = `The list was good until ${toInstant(list.expiresAt)}. Fetch a new one.`;
  return { valid: false, code: 'LIST_EXPIRED', detail, list };
}

function malformed(detail: string): RevocationListReading {
  return { valid: false, code: 'MALFORMED', detail, list: null };
}

function readContent(json: string): { keyId: string; list: RevocationList } | null {
  return readJson(json, (content) => {
    const meta = objectAt(content, 'meta');
    const data = objectAt(content, 'data');
    const licenses = listAt(data, 'licenses').map(asObject);
    const list = {
      issuedAt: instantAt(meta, 'issued'),
      expiresAt: instantAt(meta, 'expiry'),
      complete: flagAt(data, 'complete'),
      licenses: new Map(
        licenses.map((each) => [
          textAt(each, 'id'),
          { effect: oneOfAt(each, 'effect', ['suspend', 'revoke']), since: instantAt(each, 'since') },
        ]),
      ),
      signingKeys: new Set(listAt(data, 'signingKeys').map(String)),
    };
    return { keyId: textAt(meta, 'kid'), list };
  });
}
