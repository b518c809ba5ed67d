/** What the server signed, verified without it: licence files, revocation lists, answers. docs/offline.md says what they are. */

import {
  type AnswerVerification,
  type FileQuestion,
  type OfflineDecision,
  type PublicSigningKey,
  type RevocationListReading,
  readRevocationList as readList,
  type SigningKeyStatus,
  verifyLicenseFile as verifyFile,
  verifySignedAnswer,
} from '@latchkey/core';
import { withWebCryptography } from './web-cryptography.ts';

/** A signing key as `/v1/signing-keys` tells it, to be built into a program. */
export interface SigningKey {
  id: string;
  /** The 32 bytes of an Ed25519 key in base64. */
  public_key: string;
  status?: SigningKeyStatus | undefined;
}

/** Decides by a licence file whether the licence is in force. Never throws for what file, key or list may hold. */
export function verifyLicenseFile({
  publicKeys,
  ...question
}: Omit<FileQuestion, 'publicKeys'> & { publicKeys: readonly SigningKey[] }): Promise<OfflineDecision> {
  const keys = publicKeys.map(readKey);
  return withWebCryptography((cryptography) => verifyFile({ ...question, publicKeys: keys }, cryptography));
}

/** Reads a revocation list once its signature was verified. */
export function readRevocationList({
  certificate,
  publicKeys,
  now,
}: {
  certificate: string;
  publicKeys: readonly SigningKey[];
  now: number;
}): Promise<RevocationListReading> {
  const keys = publicKeys.map(readKey);
  return withWebCryptography((cryptography) => readList({ certificate, publicKeys: keys, now }, cryptography));
}

/** Verifies the signature of a validation against the nonce that was sent. Only what it answers may be acted upon. */
export function verifyAnswer({
  publicKeys,
  ...signed
}: {
  payload: string;
  signature: string;
  nonce: string;
  publicKeys: readonly SigningKey[];
}): Promise<AnswerVerification> {
  const keys = publicKeys.map(readKey);
  return withWebCryptography((cryptography) => verifySignedAnswer({ ...signed, publicKeys: keys }, cryptography));
}

function readKey({ id, public_key, status }: SigningKey): PublicSigningKey {
  const publicKey = Uint8Array.from(atob(public_key), (character) => character.charCodeAt(0));
  return { id, publicKey, status };
}
