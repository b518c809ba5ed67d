/** A validation's answer under a signature, for a program that must know that nobody stands between it and the server. */

import type { Cryptography } from '../../cryptography.ts';
import { VALIDATION_CODES, type ValidationCode } from '../codes.ts';
import { fromBase64, toBase64 } from './base64.ts';
import {
  flagAt,
  instantAt,
  instantOrNullAt,
  objectAt,
  oneOfAt,
  readJson,
  textAt,
  textOrNullAt,
  toInstant,
  toInstantOrNull,
} from './reading.ts';
import {
  judgeSignature,
  messageOf,
  type PublicSigningKey,
  type SignatureCode,
  type Signer,
  signText,
} from './signing-key.ts';

/** What is signed of an answer. */
export interface SignedAnswer {
  valid: boolean;
  code: ValidationCode;
  /** null where the key has none. */
  license: { id: string; product: string; plan: string; expiresAt: number | null } | null;
  /** The fingerprint that was asked about. */
  machine: string | null;
  /** As the program chose it for this question. */
  nonce: string;
  /** When it was answered, by the server's clock. */
  at: number;
}

/** As it travels: base64 of JSON, and the signature over `validation/` and that text. */
export interface AnswerSignature {
  keyId: string;
  algorithm: 'ed25519';
  payload: string;
  signature: string;
}

const LONGEST_PAYLOAD = 64 * 1024;

/** Signs an answer. */
export function signAnswer(answer: SignedAnswer, signer: Signer, cryptography: Cryptography): AnswerSignature {
  const { valid, code, license, machine, nonce, at } = answer;
  const content = {
    valid,
    code,
    license:
      license === null
        ? null
        : {
            id: license.id,
            product: license.product,
            plan: license.plan,
            expires_at: toInstantOrNull(license.expiresAt),
          },
    machine,
    nonce,
    at: toInstant(at),
    kid: signer.id,
  };
  const payload = toBase64(cryptography.utf8(JSON.stringify(content)));
  const signature = signText('validation', payload, { signer, cryptography });
  return { keyId: signer.id, algorithm: 'ed25519', payload, signature: toBase64(signature) };
}

/** What became of verifying an answer. Only a genuine one has an `answer`, and only that may be acted upon. */
export type AnswerVerification =
  | { genuine: true; answer: SignedAnswer }
  | { genuine: false; code: 'MALFORMED' | SignatureCode | 'NONCE_MISMATCH'; detail: string };

/**
 * Verifies a signed answer against the nonce that was sent. The answer's `at` is the server's time: what to keep as the last seen
 * moment, also where a clock that once ran ahead had left a later one.
 */
export function verifySignedAnswer(
  {
    payload,
    signature,
    nonce,
    publicKeys,
  }: { payload: string; signature: string; nonce: string; publicKeys: readonly PublicSigningKey[] },
  cryptography: Cryptography,
): AnswerVerification {
  const bytes = payload.length > LONGEST_PAYLOAD ? null : fromBase64(payload);
  const json = bytes === null ? null : cryptography.text(bytes);
  const content = json === null ? null : readContent(json);
  const signatureBytes = fromBase64(signature);
  if (content === null || signatureBytes === null) {
    return { genuine: false, code: 'MALFORMED', detail: 'This is not a signed answer, or it was changed on the way.' };
  }
  const { keyId, answer } = content;
  const message = messageOf('validation', cryptography.utf8(payload));
  const refusal = judgeSignature({ message, keyId, signature: signatureBytes }, publicKeys, cryptography);
  if (refusal !== null) return { genuine: false, ...refusal };
  if (answer.nonce !== nonce) {
    const detail = 'The answer is genuine, but to another question: its nonce is not the one that was sent.';
    return { genuine: false, code: 'NONCE_MISMATCH', detail };
  }
  return { genuine: true, answer };
}

function readContent(json: string): { keyId: string; answer: SignedAnswer } | null {
  return readJson(json, (content) => {
    const license = content.license === null ? null : objectAt(content, 'license');
    const answer = {
      valid: flagAt(content, 'valid'),
      code: oneOfAt(content, 'code', VALIDATION_CODES),
      license:
        license === null
          ? null
          : {
              id: textAt(license, 'id'),
              product: textAt(license, 'product'),
              plan: textAt(license, 'plan'),
              expiresAt: instantOrNullAt(license, 'expires_at'),
            },
      machine: textOrNullAt(content, 'machine'),
      nonce: textAt(content, 'nonce'),
      at: instantAt(content, 'at'),
    };
    return { keyId: textAt(content, 'kid'), answer };
  });
}
